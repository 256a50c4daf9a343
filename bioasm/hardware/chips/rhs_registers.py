"""The registers of RHS2116 chips: RAM as a table of fields, ROM, and which writes wait for a trigger."""

from __future__ import annotations

from bioasm.hardware.chips.fields import Field, Table, row_of

NEGATIVE = range(64, 80)
POSITIVE = range(96, 112)

RHS = Table(
    "RHS2116",
    16,
    (
        Field("adc_buffer_bias", 0, 11, 6, "by sampling rate"),
        Field("mux_bias", 0, 5, 0, "by sampling rate"),
        Field("digout_od", 1, 12, 12, "open-drain output"),
        Field("digout2", 1, 11, 11, "level of digital output 2"),
        Field("digout2_hiz", 1, 10, 10, "1 leaves digital output 2 open"),
        Field("digout1", 1, 9, 9, "level of digital output 1"),
        Field("digout1_hiz", 1, 8, 8, "1 leaves digital output 1 open"),
        Field("weak_miso", 1, 7, 7, "1 lets MISO be pulled weakly while CS is high"),
        Field("twoscomp", 1, 6, 6, "amplifier results as two's complement instead of offset binary"),
        Field("absmode", 1, 5, 5, "amplifier results rectified"),
        Field("dsp_enable", 1, 4, 4, "DSP offset removal (high-pass)"),
        Field("dsp_cutoff", 1, 3, 0, "n of the DSP high-pass, 1 to 15"),
        Field("zcheck_select", 2, 11, 8, "electrode under check"),
        Field("zcheck_dac_power", 2, 6, 6, "DAC of the impedance check"),
        Field("zcheck_load", 2, 5, 5, "test load, 0 in use", fixed=0),
        Field("zcheck_scale", 2, 4, 3, "series capacitor: 0 is 0.1 pF, 1 is 1 pF, 3 is 10 pF"),
        Field("zcheck_enable", 2, 0, 0, "connects the selected electrode"),
        Field("zcheck_dac", 3, 7, 0, "level of the impedance check, 128 in the middle"),
        Field("rh1_dac2", 4, 10, 6, "upper bandwidth"),
        Field("rh1_dac1", 4, 5, 0, "upper bandwidth"),
        Field("rh2_dac2", 5, 10, 6, "upper bandwidth"),
        Field("rh2_dac1", 5, 5, 0, "upper bandwidth"),
        *(
            Field(f"rl_{which}_dac{dac}", register, high, low, f"lower bandwidth, set {which.upper()}")
            for which, register in (("a", 6), ("b", 7))
            for dac, high, low in ((3, 13, 13), (2, 12, 7), (1, 6, 0))
        ),
        Field("amp_power", 8, 15, 0, "one bit an amplifier"),
        Field("amp_fast_settle", 10, 15, 0, "one bit an amplifier, triggered"),
        Field("amp_lower_select", 12, 15, 0, "1 is lower bandwidth set A, 0 set B, triggered"),
        Field("stim_enable_a", 32, 15, 0, "AAAA arms, together with stim_enable_b"),
        Field("stim_enable_b", 33, 15, 0, "00FF arms, together with stim_enable_a"),
        Field("step_sel3", 34, 15, 13, "stimulation step"),
        Field("step_sel2", 34, 12, 7, "stimulation step"),
        Field("step_sel1", 34, 6, 0, "stimulation step"),
        Field("stim_p_bias", 35, 7, 4, "bias of the positive sources, by step"),
        Field("stim_n_bias", 35, 3, 0, "bias of the negative sources, by step"),
        Field("recovery_target", 36, 7, 0, "target voltage of charge recovery, 128 is 0 V"),
        Field("recovery_sel3", 37, 15, 13, "current limit of charge recovery"),
        Field("recovery_sel2", 37, 12, 7, "current limit of charge recovery"),
        Field("recovery_sel1", 37, 6, 0, "current limit of charge recovery"),
        Field("dc_amp_power", 38, 15, 0, "one bit a DC amplifier"),
        Field("compliance", 40, 15, 0, "read only: outputs that reached the supply since the last M flag"),
        Field("stim_on", 42, 15, 0, "one bit a stimulator, triggered"),
        Field("stim_polarity", 44, 15, 0, "1 is positive, triggered"),
        Field("recovery_switch", 46, 15, 0, "electrode to stim ground, triggered"),
        Field("recovery_limited", 48, 15, 0, "charge recovery with limited current, triggered"),
        Field("fault_current", 50, 15, 0, "read only: fault current detector"),
        *row_of("negative_trim", NEGATIVE, 15, 8, "128 is none, triggered"),
        *row_of("negative_magnitude", NEGATIVE, 7, 0, "in steps, triggered"),
        *row_of("positive_trim", POSITIVE, 15, 8, "128 is none, triggered"),
        *row_of("positive_magnitude", POSITIVE, 7, 0, "in steps, triggered"),
    ),
)

TRIGGERED = frozenset({10, 12, 42, 44, 46, 48, *NEGATIVE, *POSITIVE})
COMPLIANCE, FAULT = 40, 50
READ_ONLY = frozenset({COMPLIANCE, FAULT})
ARMING = {32: 0xAAAA, 33: 0x00FF}
MARKER = 255  # the chip's number, 32


def rom(amplifiers: int = 16, revision: int = 1, chip_id: int = 32) -> dict[int, int]:
    """The values of the read-only registers 251 to 255."""
    return {251: 0x494E, 252: 0x5441, 253: 0x4E00, 254: revision << 8 | amplifiers, 255: chip_id}
