"""Identity of an emulated board, the content of its Welcome message."""

from __future__ import annotations

from bioasm import __version__
from bioasm.hardware.board.rig import Rig
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.dictionary import isa_hash
from bioasm.hardware.link.messages import Capability, Substrate
from bioasm.isa.table import ISA_VERSION
from bioasm.models import MODELS
from bioasm.safety import LimitsTable

FIRMWARE = "bioasm-board"
NEURONS = 1 << 14
LANES = 256
CELLS = 1 << 20
PROGRAM_BYTES = 1 << 26
RX_BYTES = 1 << 15
TWIN_ABILITIES = frozenset({"core", "control", "inputs", "kbody", "record", "clamp", "start", "network", "models"})


def twin_models() -> tuple[str, ...]:
    """The models that the twin supports."""
    return tuple(MODELS)


def capabilities(rig: Rig, line_rate: float | None, uid: str) -> m.Capabilities:
    """Everything that is constant from the start of the board to its end."""
    can = Capability.RAW | Capability.SPIKES | Capability.SIMULATED
    stimulator = rig.stimulator
    return m.Capabilities(
        firmware=FIRMWARE,
        firmware_version=__version__,
        uid=uid,
        clock_hz=round(rig.sample_rate),
        sample_rate=rig.sample_rate,
        isa_version=ISA_VERSION,
        isa_hash=isa_hash(),
        chips=(m.Chip(rig.chip_name, rig.channels),),
        channels=rig.channels,
        capabilities=can | (Capability.STIMULATE if stimulator else Capability(0)),
        substrates=Substrate.TWIN | Substrate.CULTURE,
        models=twin_models(),
        abilities=tuple(sorted(TWIN_ABILITIES | ({"stimulation"} if stimulator else set()))),
        neurons=NEURONS,
        lanes=LANES,
        program_bytes=PROGRAM_BYTES,
        rx_bytes=RX_BYTES,
        line_rate=round(line_rate or 0),
        stim_step=round(stimulator.step * 1e9) if stimulator else 0,
        tick=round(1e9 / rig.sample_rate),
        ceilings=_ceilings(rig.own_table) if stimulator else m.Ceilings(),
    )


def _ceilings(own: LimitsTable) -> m.Ceilings:
    """The board's own limits as the link tells them; density is that of an unknown material."""
    limits, able = own.limits, [electrode for electrode in own.electrodes.values() if electrode.allowed]
    return m.Ceilings(
        current=limits.max_current,
        charge=limits.max_charge,
        density=limits.unknown_density,
        shannon_k=limits.shannon_k,
        width_min=limits.min_width,
        width_max=limits.max_width,
        imbalance=limits.net_fraction,
        rate=limits.max_rate,
        duty=limits.max_duty,
        electrodes=limits.max_simultaneous,
        total_current=limits.max_total_current,
        gap=limits.min_gap,
        area=min((electrode.area for electrode in able), default=0.0),
    )
