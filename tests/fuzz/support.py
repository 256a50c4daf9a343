"""What the fuzz tests share: how many cases to try, a corpus of real texts, and ways to spoil a text.

Cases are made from a seed by `random.Random`, so that a case that fails is repeated by its seed. BIOASM_FUZZ=N tries N cases
in each test; without it they are few.
"""

from __future__ import annotations

import os
import random
import re
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, settings

from bioasm.isa.table import ROWS
from tests.verify.networks import MODELS

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "programs"
CASES = int(os.environ.get("BIOASM_FUZZ", "100"))
FUZZ = settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
# A case that runs on the machine costs more than one that is read only.
FUZZ_RUNS = settings(FUZZ, max_examples=max(1, CASES // 5))

TOKEN = re.compile(r"[\w.]+|\"[^\"\n]*\"|\s+|[^\w\s]")
NUMBERS = ["0", "-0.0", "1", "-1", "1e-320", "1e400", "1e308", "16777216", "16777217", "4294967296", "0x1F", "1_0", "٣",
           "nan", "inf", "1e", "1.e5", ".5", "+3", "1" * 400, "1e99999999999", "9" * 30]  # fmt: skip
CHARACTERS = ["\0", "\r", "\x0b", "\x85", "\u2028", "\ufeff", "é", "µ", "Ω", "🧠", "\u0301", "\ud800", "\x1b", "\\", '"', "'",
              *"[]{}(),;:=.|@+-%&#$"]  # fmt: skip


NETWORKS = (
    "POP a, cell, 2\nPOP b, cell, 3\nMECH k, leak, b\nSYN s, a, b.second\nCON s, probability, 0.5\nSET s.delay, 1 ms\n"
    "INP a.I, [1e-9, 2e-9], set\nREC a.half\nREC b.v, 1 ms, [0, 2]\nRUN 1 ms\nRD a.v\nGET r0, b.spike_count\n",
    "MODEL cell\nALC 2\nMECH t, trace, cell\nSYN s, cell, t\nCON s, [[0, 1], [2, 0]]\nSET s.weight, 0.5\n"
    "EVT cell.second, [[0.001, 1]], 2\nRATE t, 10 Hz, 1\nPLAY drive, [[1, 2], [3, 4]], 1 ms\nRUN 1 ms\nPEEK r0, t.x, 1\n",
)


@cache
def corpus() -> tuple[str, ...]:
    """Real texts of at most a page or two, the good and the faulty ones, and all examples of the instruction table."""
    paths = [*PROGRAMS.glob("*.basm"), *(ROOT / "tests/golden").rglob("*.basm")]
    texts = [path.read_text(encoding="utf-8") for path in sorted(paths) if path.stat().st_size < 6000]
    return (*texts, *(row.example for row in ROWS), *(MODELS + text for text in NETWORKS))


@cache
def tokens() -> tuple[str, ...]:
    """Every token that stands anywhere in the corpus."""
    return tuple(sorted({token for text in corpus() for token in TOKEN.findall(text)}))


def spoiled(chance: random.Random) -> str:
    """A text of the corpus after one to four edits."""
    text = chance.choice(corpus())
    for _ in range(chance.randint(1, 4)):
        text = chance.choice(EDITS)(text, chance)
    return text


def _lines(text: str, chance: random.Random) -> str:
    """Whole lines left out, doubled, swapped, or brought along from another text."""
    lines = text.splitlines(keepends=True) or [""]
    here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
    other = chance.choice(corpus()).splitlines(keepends=True) or [""]
    stranger = chance.choice(other)
    match chance.randrange(4):
        case 0:
            del lines[here]
        case 1:
            lines.insert(there, lines[here])
        case 2:
            lines[here], lines[there] = lines[there], lines[here]
        case _:
            lines.insert(here, stranger)
    return "".join(lines)


def _tokens(text: str, chance: random.Random) -> str:
    """One token replaced, doubled or left out."""
    found = TOKEN.findall(text) or [""]
    here = chance.randrange(len(found))
    new = chance.choice(tokens())
    found[here] = chance.choice((new, new, found[here] * 2, "", found[here].swapcase(), found[here] + new))
    return "".join(found)


def _number(text: str, chance: random.Random) -> str:
    """One number replaced by a strange one."""
    places = [match.span() for match in re.finditer(r"-?\d[\d.e]*", text)] or [(0, 0)]
    start, end = chance.choice(places)
    return text[:start] + chance.choice(NUMBERS) + text[end:]


def _characters(text: str, chance: random.Random) -> str:
    """A strange character put in, or a stretch cut out."""
    here = chance.randint(0, len(text))
    new = chance.choice((chance.choice(CHARACTERS), chr(chance.randrange(0x20, 0x250)), ""))
    return text[:here] + new + text[here + chance.choice((0, 0, 1, 5)) :]


def _size(text: str, chance: random.Random) -> str:
    """The text cut off, or a stretch of it repeated many times."""
    start = chance.randint(0, len(text))
    end = min(len(text), start + chance.randint(0, 40))
    return text[:start] if chance.random() < 0.3 else text[:end] + text[start:end] * chance.choice((2, 30)) + text[end:]


EDITS = (_lines, _lines, _tokens, _tokens, _tokens, _number, _characters, _size)
