"""`bioasm new`: a project with a program that runs, a promise that is tested, and a CI file."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_USAGE, error

PROGRAM = """\
; NAME: split the vertices of a graph in two so that most edges are cut.
;
; Problem: a ring of five vertices. One edge of an odd ring always stays uncut.
;
; Numbers: a spin says on which side a vertex is. With J = -1/2 on every edge and minus half of the edges as the offset,
; the energy is minus the number of edges cut.
;
; Expect: cut = 4.
.title "NAME"

.const T_hot = 3

.data J = sparse(5) symmetric {
    0 1 -0.5 | 1 2 -0.5 | 2 3 -0.5 | 3 4 -0.5 | 0 4 -0.5
}

    MODEL ising
    ALC 5
    LDJ J
    LDO -2.5
    MOV r0, 20
    MOV r1, T_hot
cool:
    SIG r1
    RUN 10 sweeps
    MUL r1, r1, 0.8
    LOOP r0, cool
    GET r2, best_energy
    NEG r2, r2
    OUT r2, cut
    RD best_state
"""
README = """\
# NAME

    bioasm run NAME.basm --seed 1
    bioasm run NAME.basm --seed 1 --lanes 20 -o NAME.npz && bioasm plot NAME.npz
    bioasm test NAME.basm

`; Expect:` in the program says what must come out; `bioasm test` and the CI in `.github/workflows` hold it to that.
"""
WORKFLOW = """\
name: test
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install bioasm  # or the path of a wheel, where bioasm is on no index that you use
      - run: bioasm check *.basm --strict --format github
      - run: bioasm fmt --check *.basm
      - run: bioasm test *.basm --seed 1 --seed 2 --junit results.xml
"""
FILES = {
    "{name}.basm": PROGRAM,
    "README.md": README,
    ".github/workflows/test.yml": WORKFLOW,
    ".gitignore": "*.npz\nresults.xml\n",
}


@common.command("new", examples="bioasm new my_problem")
@click.argument("name")
def command(name: str) -> int:
    """Make the folder NAME with a program, a test of it, and a CI file."""
    from bioasm.files import unwritable, whole

    folder = Path(name)
    called = folder.name
    if not re.fullmatch(r"[A-Za-z][\w-]*", called):
        hint = "letters, digits, - and _, beginning with a letter"
        raise error("B302", f"{called!r} is no name for a project", hint=hint, exit_code=EXIT_USAGE)
    if folder.exists():
        raise error("B302", f"{folder} is there already", exit_code=EXIT_USAGE)
    for file, text in FILES.items():
        target = folder / file.format(name=called)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise unwritable(target, cause) from cause
        with whole(target) as stream:
            stream.write(text.replace("NAME", called).encode())
        sys.stdout.write(f"wrote {target}\n")
    sys.stdout.write(f"now: cd {folder} && bioasm test {called}.basm\n")
    return 0
