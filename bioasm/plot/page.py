"""Report: a self-contained HTML page with plots, results, provenance, and the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from bioasm.plot.kinds import KINDS, Choice, Named, applicable
from bioasm.plot.pictures import Panel, panels, picture
from bioasm.plot.style import in_page, rendered
from bioasm.results import Result
from bioasm.results.summary import headline, summary

_LINES = 2000  # most lines of the program
_WIDTH = 400  # most characters of a line
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --paper: #fff; --ink: #16191d; --soft: #5a626d; --line: #d9dde2; --panel: #f6f7f9; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: #14171b; --ink: #e6e9ed; --soft: #9aa3ae; --line: #333a42; --panel: #1b1f25; }}
}}
body {{ background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem;
  padding: 1.5rem; }}
h1 {{ font-size: 1.5rem; margin: 0 0 .2rem; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
p.lead, figcaption {{ color: var(--soft); margin: .2rem 0 0; }}
figure {{ margin: 0; }}
figure svg {{ display: block; width: 100%; height: auto; }}
figcaption {{ font-size: .85rem; }}
pre {{ background: var(--panel); border: 1px solid var(--line); border-radius: 4px; font: 13px/1.45 ui-monospace, monospace;
  overflow-x: auto; padding: .7rem; }}
table {{ border-collapse: collapse; font-size: .9rem; }}
td, th {{ border-bottom: 1px solid var(--line); padding: .2rem 1rem .2rem 0; text-align: left; vertical-align: top; }}
th {{ color: var(--soft); font-weight: normal; white-space: nowrap; }}
td {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
"""


def page(named: Named, kinds: Sequence[str], choice: Choice, program: str = "", note: str = "") -> str:
    """The page. `program` is the text of the program, `note` a remark on it.

    Raises BioasmError B312 without matplotlib, B314 where a requested kind is not applicable.
    """
    title = _title(named)
    parts = [_HEAD.format(title=escape(title)), f"<h1>{escape(title)}</h1>\n"]
    parts += [f'<p class="lead">{escape(headline(result))}, {escape(result.status)}</p>\n' for _, result in named]
    parts += _figures(_chosen(named, kinds, choice), choice)
    for label, result in named:
        parts += _section(f"Results{_of(named, label)}", f"<pre>{escape(summary(result))}</pre>")
        parts += _section(f"Provenance{_of(named, label)}", _provenance(result))
    if program:
        parts += _section("Program", f"{f'<p>{escape(note)}</p>' if note else ''}<pre>{escape(_shortened(program))}</pre>")
    return "".join([*parts, "</body>\n</html>\n"])


def _title(named: Named) -> str:
    label, result = named[0]
    first = result.metadata.get("title") or f"BioASM: {label}"
    return first if len(named) == 1 else f"{first} and {len(named) - 1} more"


def _of(named: Named, label: str) -> str:
    return f" of {label}" if len(named) > 1 else ""


def _section(title: str, body: str) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n"


def _chosen(named: Named, kinds: Sequence[str], choice: Choice) -> list[Panel]:
    """The requested panels, else all applicable ones."""
    if kinds:
        return panels(named, kinds, choice)
    found = []
    for name, kind in KINDS.items():
        having = [one for one in named if name in applicable(one[1], choice)]
        found += [Panel(kind, having)] * bool(having) if kind.shared else [Panel(kind, [one]) for one in having]
    return found


def _figures(found: Sequence[Panel], choice: Choice) -> Iterator[str]:
    for number, panel in enumerate(found):
        made = picture([panel], choice)
        svg = in_page(rendered(made.figure, "svg", made.alt, transparent=True), number)
        label = f" of {panel.named[0][0]}" if len(found) > 1 and not panel.kind.shared and panel.named[0][0] else ""
        body = f"<figure>\n{svg}<figcaption>{escape(made.alt)}</figcaption>\n</figure>"
        yield from _section(f"{panel.kind.title}{label}", body)


def _provenance(result: Result) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    timing = ", ".join(f"{name} {seconds:.3g} s" for name, seconds in result.timing.items())
    rows = [
        ("driver", result.driver),
        ("model", result.model),
        ("neurons, lanes", f"{result.n:,}, {result.lanes:,}"),
        ("seed", str(result.seed)),
        ("ran", f"{result.time:.10g} {result.clock_unit} in {result.steps:,} steps, {result.status}"),
        ("program (SHA-256)", result.program_sha256),
        ("versions", versions),
        ("times", timing),
        *((key, value) for key, value in result.metadata.items() if key in ("title", "author", "source", "license")),
        *((d.severity, f"{d.code}: {d.message}") for d in result.diagnostics),
    ]
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>\n" for name, value in rows)
    return f"<table>\n{body}</table>"


def _shortened(program: str) -> str:
    """The program with long data abbreviated."""
    cut = (line if len(line) <= _WIDTH else f"{line[:_WIDTH]} ... ({len(line):,} characters)" for line in program.splitlines())
    lines = list(cut)
    more = [f"... ({len(lines) - _LINES:,} more lines)"] if len(lines) > _LINES else []
    return "\n".join([*lines[:_LINES], *more])
