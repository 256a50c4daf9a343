"""Register images: what a chip's RAM must hold for wanted bandwidths, offset removal, power and stimulation steps."""

from __future__ import annotations

from collections.abc import Iterable

from bioasm.hardware.chips import bandwidth, biases, dsp, steps
from bioasm.hardware.chips.fields import pack
from bioasm.hardware.chips.rhd_registers import RHD
from bioasm.hardware.chips.rhs_registers import ARMING, NEGATIVE, POSITIVE, READ_ONLY, RHS


def rhd_image(
    sample_rate: float,
    dsp_Hz: float | None = 1.0,
    upper_Hz: float = 7500.0,
    lower_Hz: float = 1.0,
    amplifiers: int = 32,
    powered: Iterable[int] | None = None,
) -> dict[int, int]:
    """Registers 0 to 17 (to 21 for 64 amplifiers) of an RHD chip.

    `dsp_Hz` None turns the offset removal off. `powered` names the amplifiers that get power, all by default.
    """
    bias = biases.rhd(sample_rate)
    values = {
        "amp_vref_enable": 1,
        "vdd_sense_enable": 1,
        "adc_buffer_bias": bias.adc,
        "mux_bias": bias.mux,
        "digout_hiz": 1,
        "weak_miso": 1,
        "zcheck_dac_power": 1,
        "zcheck_dac": 128,
        "zcheck_select": 0,
        **{f"aux{k}_enable": 1 for k in (1, 2, 3)},
    }
    groups = power(range(amplifiers) if powered is None else powered, max(amplifiers, 32))
    return pack(RHD, values | high_pass(sample_rate, dsp_Hz) | rhd_bands(upper_Hz, lower_Hz) | groups)


def rhd_bands(upper_Hz: float, lower_Hz: float) -> dict[str, int]:
    """The fields of an RHD chip's bandwidth."""
    rl = dict(zip(("rl_dac1", "rl_dac2", "rl_dac3"), bandwidth.lower(lower_Hz).rl, strict=True))
    return upper_bands(upper_Hz) | rl


def upper_bands(upper_Hz: float) -> dict[str, int]:
    """The fields of the upper bandwidth, which both families name alike."""
    found = bandwidth.upper(upper_Hz)
    return {f"{name}_dac{k + 1}": pair[k] for name, pair in (("rh1", found.rh1), ("rh2", found.rh2)) for k in (0, 1)}


def high_pass(sample_rate: float, dsp_Hz: float | None) -> dict[str, int]:
    """The fields of the offset removal, which both families name alike."""
    if dsp_Hz is None:
        return {"dsp_enable": 0, "dsp_cutoff": 1}  # 0 must not be used, even where the filter is off
    return {"dsp_enable": 1, "dsp_cutoff": dsp.nearest(dsp_Hz, sample_rate)}


def power(powered: Iterable[int], amplifiers: int) -> dict[str, int]:
    """The fields that power amplifiers, eight to a register."""
    wanted = set(powered)
    return {f"amp_power_{g}": sum((8 * g + bit in wanted) << bit for bit in range(8)) for g in range(amplifiers // 8)}


def rhs_image(
    sample_rate: float,
    dsp_Hz: float | None = 1.0,
    upper_Hz: float = 7500.0,
    lower_Hz: float = 5.0,
    recovery_lower_Hz: float = 1000.0,
    step: str = "1uA",
    recovery_limit: str = "1nA",
) -> dict[int, int]:
    """RAM of an RHS2116 with all amplifiers on, nothing armed and all currents zero.

    `step` and `recovery_limit` name rows of `steps.STEPS` and `steps.RECOVERY`. Lower bandwidth set A is the one in use, set B
    the one for fast recovery from artefacts.
    """
    bias = biases.rhs(sample_rate)
    sets = {"a": bandwidth.lower(lower_Hz).rl, "b": bandwidth.lower(recovery_lower_Hz).rl}
    values = {
        "adc_buffer_bias": bias.adc,
        "mux_bias": bias.mux,
        "digout1_hiz": 1,
        "digout2_hiz": 1,
        "zcheck_dac_power": 1,
        "zcheck_dac": 128,
        "amp_power": 0xFFFF,
        "amp_lower_select": 0xFFFF,
        "dc_amp_power": 0xFFFF,
        **{f"rl_{which}_dac{k + 1}": rl[k] for which, rl in sets.items() for k in range(3)},
    }
    image = pack(RHS, values | high_pass(sample_rate, dsp_Hz) | upper_bands(upper_Hz)) | outputs(step, recovery_limit)
    return dict(sorted(image.items()))


def outputs(step: str, recovery_limit: str) -> dict[int, int]:
    """The registers of stimulation: zero currents at a step, no recovery, disarmed."""
    off = {number: 0 for number in RHS.registers if number >= 32 and number not in READ_ONLY} | dict.fromkeys((10, *ARMING), 0)
    middle = dict.fromkeys((*NEGATIVE, *POSITIVE), steps.amplitude_word(0))
    chosen = steps.STEPS[step]
    currents = {34: chosen.selection.word, 35: chosen.biases, 36: 128, 37: steps.RECOVERY[recovery_limit][1].word}
    kept = {38: 0xFFFF}
    return off | middle | currents | kept
