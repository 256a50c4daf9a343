"""Re-validation of an admitted job before it starts: its device may have been replaced since."""

from __future__ import annotations

import sqlite3

from bioasm.diagnostics import BioasmError, error
from bioasm.drivers import Driver
from bioasm.drivers.remote.protocol import STIMULATE
from bioasm.serve.devices import Device
from bioasm.verifier.gate import Verified


def check_still_fit(job: sqlite3.Row, device: Device, driver: Driver, verified: Verified) -> None:
    """Refuse a job whose device changed since its admission, or that may not drive cells. Raises BioasmError B551."""
    if (job["driver"], bool(job["repeats"])) != (device.driver, driver.reproducible):
        raise _refused(f"the device {device.name} is another than when the job was let in", "submit it anew")
    driving = driver.stimulating & {instruction.mnemonic for instruction in verified.program.instructions}
    if driving and not job["drives"]:
        text = f"{', '.join(sorted(driving))} drives the cells of {device.name}, and the job has no right to {STIMULATE}"
        raise _refused(text, "submit it anew with a token that has this right")


def _refused(message: str, hint: str) -> BioasmError:
    return error("B551", message, hint=hint)
