"""The process `bioasm`, or `python -m bioasm`: sets up the interpreter for a command, and runs it."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress

# Modules make objects by the hundred thousand that stay to the end; looking through them for garbage frees nothing.
_COLLECT_EVERY = 500_000


def start() -> int:
    """Run the command line of this process and return its exit code."""
    from bioasm.cli.signals import end_in_order

    gc.set_threshold(_COLLECT_EVERY)
    end_in_order()
    # No command multiplies matrices by BLAS, and starting its threads would take longer than most commands.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from bioasm.cli.main import main

    code = main()
    _leave_work_behind(code)
    gc.freeze()  # the collection at the end of every process would visit all modules once more
    return code


def _leave_work_behind(code: int) -> None:
    """End at once where a compilation that was interrupted goes on: it must not lose the interpreter beneath it."""
    background = sys.modules.get("bioasm.vm.background")
    if background is not None and background.still_working():
        from bioasm.vm.compiler import COMPILER

        COMPILER.close()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(start())
