"""`bioasm run --live`: opens a page in the browser that shows the run while it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bioasm.cli import common

if TYPE_CHECKING:
    from bioasm.live import Feed
    from bioasm.runtime.options import Observer
    from bioasm.verifier.gate import Verified

_SECONDS_TO_OPEN = 10.0  # that a run waits for its page
_SECONDS_TO_END = 2.0  # that a page is waited for at the end


@contextmanager
def live_page(observer: Observer, facts: dict[str, Any], stopped: Callable[[], bool]) -> Iterator[Feed]:
    """The observer of a run that shows it on a page; the run begins when the page is open, or after ten seconds."""
    from bioasm.live import Feed, Server

    feed = Feed(observer, facts)
    with Server(feed) as server:
        sys.stderr.write(f"live: {server.url}\n")
        sys.stderr.flush()
        if common.is_terminal(sys.stderr):
            import webbrowser

            webbrowser.open(server.url)
        deadline = time.monotonic() + _SECONDS_TO_OPEN
        while not (feed.opened.wait(0.1) or stopped() or time.monotonic() > deadline):
            pass
        status = "failed"
        try:
            yield feed
            status = feed.status
        finally:
            feed.end(status, _SECONDS_TO_END)


def live_facts(verified: Verified, driver: str, lanes: int, total: int | None) -> dict[str, Any]:
    """Facts of a run for its page, known before it begins."""
    from bioasm.drivers.describe import unit_of
    from bioasm.isa.program import Name

    recorded = [i.operands[0].text for i in verified.program.instructions
                if i.mnemonic == "REC" and isinstance(i.operands[0], Name)]  # fmt: skip
    return {
        "title": verified.program.metadata.get("title", "BioASM: a run"),
        "driver": driver,
        "model": verified.model.name,
        "n": verified.n,
        "lanes": lanes,
        "clock": verified.model.clock.symbol,
        "total": total,
        "units": {name: unit_of(verified, name) for name in recorded},
    }
