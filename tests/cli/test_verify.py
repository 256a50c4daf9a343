"""`bioasm verify` where it is interrupted."""

from __future__ import annotations

from bioasm.drivers import Progress, RunOptions
from bioasm.text.assemble import assemble
from bioasm.verification.verify import Request, verify_drivers
from bioasm.verifier.gate import verify

ENDLESS = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nRUN 4000000 sweeps\n"


def test_the_run_that_counts_steps_can_be_interrupted_too() -> None:
    told: list[int] = []

    def stop(progress: Progress) -> bool:
        told.append(progress.steps)
        return False

    report = verify_drivers(verify(assemble(ENDLESS)), Request("cpu", "cpu", RunOptions(seed=1)), stop)
    assert report.status == "interrupted"
    assert len(told) == 3  # once before the comparison, and once a side
