"""The registers of RHD2000 chips: RAM 0 to 21 as a table of fields, ROM 40 to 63 as it reads for each chip."""

from __future__ import annotations

from bioasm.hardware.chips.fields import Field, Table, row_of

RHD = Table(
    "RHD2000",
    8,
    (
        Field("adc_reference_bandwidth", 0, 7, 6, "always 3", fixed=3),
        Field("amp_fast_settle", 0, 5, 5, "1 ties all amplifier outputs to their baseline"),
        Field("amp_vref_enable", 0, 4, 4, "amplifiers and ADC work 100 us after this was set"),
        Field("adc_comparator_bias", 0, 3, 2, "3; 0 saves 80 uA while no conversions are wanted", fixed=3),
        Field("adc_comparator_select", 0, 1, 0, "always 2", fixed=2),
        Field("vdd_sense_enable", 1, 6, 6, "supply sensor on channel 48"),
        Field("adc_buffer_bias", 1, 5, 0, "by total sampling rate"),
        Field("mux_bias", 2, 5, 0, "by total sampling rate"),
        Field("mux_load", 3, 7, 5, "always 0", fixed=0),
        Field("temp_s2", 3, 4, 4, "switch 2 of the temperature sensor"),
        Field("temp_s1", 3, 3, 3, "switch 1 of the temperature sensor"),
        Field("temp_enable", 3, 2, 2, "temperature sensor on channel 49"),
        Field("digout_hiz", 3, 1, 1, "1 leaves the auxiliary digital output open"),
        Field("digout", 3, 0, 0, "level of the auxiliary digital output"),
        Field("weak_miso", 4, 7, 7, "1 lets MISO be pulled weakly while CS is high"),
        Field("twoscomp", 4, 6, 6, "amplifier results as two's complement instead of offset binary"),
        Field("absmode", 4, 5, 5, "amplifier results rectified"),
        Field("dsp_enable", 4, 4, 4, "DSP offset removal (high-pass)"),
        Field("dsp_cutoff", 4, 3, 0, "n of the DSP high-pass, 1 to 15"),
        Field("zcheck_dac_power", 5, 6, 6, "DAC of the impedance check"),
        Field("zcheck_load", 5, 5, 5, "test load, 0 in use", fixed=0),
        Field("zcheck_scale", 5, 4, 3, "series capacitor: 0 is 0.1 pF, 1 is 1 pF, 3 is 10 pF"),
        Field("zcheck_connect_all", 5, 2, 2, "all electrodes at once"),
        Field("zcheck_select_polarity", 5, 1, 1, "RHD2216: the negative input"),
        Field("zcheck_enable", 5, 0, 0, "connects the selected electrode"),
        Field("zcheck_dac", 6, 7, 0, "level of the impedance check, 128 in the middle"),
        Field("zcheck_select", 7, 5, 0, "electrode under check"),
        Field("offchip_rh1", 8, 7, 7, "external resistor"),
        Field("rh1_dac1", 8, 5, 0, "upper bandwidth"),
        Field("aux1_enable", 9, 7, 7, "auxin1 instead of the external resistor's pin"),
        Field("rh1_dac2", 9, 4, 0, "upper bandwidth"),
        Field("offchip_rh2", 10, 7, 7, "external resistor"),
        Field("rh2_dac1", 10, 5, 0, "upper bandwidth"),
        Field("aux2_enable", 11, 7, 7, "auxin2 instead of the external resistor's pin"),
        Field("rh2_dac2", 11, 4, 0, "upper bandwidth"),
        Field("offchip_rl", 12, 7, 7, "external resistor"),
        Field("rl_dac1", 12, 6, 0, "lower bandwidth"),
        Field("aux3_enable", 13, 7, 7, "auxin3 instead of the external resistor's pin"),
        Field("rl_dac3", 13, 6, 6, "lower bandwidth"),
        Field("rl_dac2", 13, 5, 0, "lower bandwidth"),
        *row_of("amp_power", range(14, 22), 7, 0, "bit i powers amplifier 8 k + i; k from 4 on the RHD2164 alone"),
    ),
)

MARKER = 40  # reads 'I'; the aux list of the sampling sequence uses it to find its own alignment
MISO_A, MISO_B = 53, 58


def rom(name: str, amplifiers: int, chip_id: int, unipolar: bool, revision: int = 1) -> dict[int, int]:
    """The values of the read-only registers 40 to 44 and 48 to 63; others between 22 and 58 read 0."""
    company = {40 + i: byte for i, byte in enumerate(b"INTAN")}
    own = {48 + i: byte for i, byte in enumerate(name.encode("ascii").ljust(8, b"\0"))}
    return company | own | {59: MISO_A, 60: revision, 61: int(unipolar), 62: amplifiers, 63: chip_id}
