"""Register fields stand where Intan's documents put them, and images hold what was asked for."""

from __future__ import annotations

from functools import reduce
from operator import or_

import pytest

from bioasm.hardware.chips import CHIPS, open_chip, settings
from bioasm.hardware.chips.fields import Table, pack, unpack
from bioasm.hardware.chips.rhd_registers import RHD
from bioasm.hardware.chips.rhs_registers import NEGATIVE, POSITIVE, READ_ONLY, RHS, TRIGGERED
from bioasm.hardware.chips.words import rhd
from tests.chips.support import ask, stimulator

RHD_BITS = {
    "adc_reference_bandwidth": (0, 0xC0),
    "amp_fast_settle": (0, 0x20),
    "amp_vref_enable": (0, 0x10),
    "adc_comparator_bias": (0, 0x0C),
    "adc_comparator_select": (0, 0x03),
    "vdd_sense_enable": (1, 0x40),
    "adc_buffer_bias": (1, 0x3F),
    "mux_bias": (2, 0x3F),
    "mux_load": (3, 0xE0),
    "temp_s2": (3, 0x10),
    "temp_s1": (3, 0x08),
    "temp_enable": (3, 0x04),
    "digout_hiz": (3, 0x02),
    "digout": (3, 0x01),
    "weak_miso": (4, 0x80),
    "twoscomp": (4, 0x40),
    "absmode": (4, 0x20),
    "dsp_enable": (4, 0x10),
    "dsp_cutoff": (4, 0x0F),
    "zcheck_dac_power": (5, 0x40),
    "zcheck_load": (5, 0x20),
    "zcheck_scale": (5, 0x18),
    "zcheck_connect_all": (5, 0x04),
    "zcheck_select_polarity": (5, 0x02),
    "zcheck_enable": (5, 0x01),
    "zcheck_dac": (6, 0xFF),
    "zcheck_select": (7, 0x3F),
    "offchip_rh1": (8, 0x80),
    "rh1_dac1": (8, 0x3F),
    "aux1_enable": (9, 0x80),
    "rh1_dac2": (9, 0x1F),
    "offchip_rh2": (10, 0x80),
    "rh2_dac1": (10, 0x3F),
    "aux2_enable": (11, 0x80),
    "rh2_dac2": (11, 0x1F),
    "offchip_rl": (12, 0x80),
    "rl_dac1": (12, 0x7F),
    "aux3_enable": (13, 0x80),
    "rl_dac3": (13, 0x40),
    "rl_dac2": (13, 0x3F),
    **{f"amp_power_{k}": (14 + k, 0xFF) for k in range(8)},
}

RHS_BITS = {
    "adc_buffer_bias": (0, 0x0FC0),
    "mux_bias": (0, 0x003F),
    "digout_od": (1, 0x1000),
    "digout2": (1, 0x0800),
    "digout2_hiz": (1, 0x0400),
    "digout1": (1, 0x0200),
    "digout1_hiz": (1, 0x0100),
    "weak_miso": (1, 0x0080),
    "twoscomp": (1, 0x0040),
    "absmode": (1, 0x0020),
    "dsp_enable": (1, 0x0010),
    "dsp_cutoff": (1, 0x000F),
    "zcheck_select": (2, 0x0F00),
    "zcheck_dac_power": (2, 0x0040),
    "zcheck_load": (2, 0x0020),
    "zcheck_scale": (2, 0x0018),
    "zcheck_enable": (2, 0x0001),
    "zcheck_dac": (3, 0x00FF),
    "rh1_dac2": (4, 0x07C0),
    "rh1_dac1": (4, 0x003F),
    "rh2_dac2": (5, 0x07C0),
    "rh2_dac1": (5, 0x003F),
    "rl_a_dac3": (6, 0x2000),
    "rl_a_dac2": (6, 0x1F80),
    "rl_a_dac1": (6, 0x007F),
    "rl_b_dac3": (7, 0x2000),
    "rl_b_dac2": (7, 0x1F80),
    "rl_b_dac1": (7, 0x007F),
    "amp_power": (8, 0xFFFF),
    "amp_fast_settle": (10, 0xFFFF),
    "amp_lower_select": (12, 0xFFFF),
    "stim_enable_a": (32, 0xFFFF),
    "stim_enable_b": (33, 0xFFFF),
    "step_sel3": (34, 0xE000),
    "step_sel2": (34, 0x1F80),
    "step_sel1": (34, 0x007F),
    "stim_p_bias": (35, 0x00F0),
    "stim_n_bias": (35, 0x000F),
    "recovery_target": (36, 0x00FF),
    "recovery_sel3": (37, 0xE000),
    "recovery_sel2": (37, 0x1F80),
    "recovery_sel1": (37, 0x007F),
    "dc_amp_power": (38, 0xFFFF),
    "compliance": (40, 0xFFFF),
    "stim_on": (42, 0xFFFF),
    "stim_polarity": (44, 0xFFFF),
    "recovery_switch": (46, 0xFFFF),
    "recovery_limited": (48, 0xFFFF),
    "fault_current": (50, 0xFFFF),
    **{f"negative_trim_{c}": (64 + c, 0xFF00) for c in range(16)},
    **{f"negative_magnitude_{c}": (64 + c, 0x00FF) for c in range(16)},
    **{f"positive_trim_{c}": (96 + c, 0xFF00) for c in range(16)},
    **{f"positive_magnitude_{c}": (96 + c, 0x00FF) for c in range(16)},
}

ALL = [(RHD, name, place) for name, place in RHD_BITS.items()] + [(RHS, name, place) for name, place in RHS_BITS.items()]


@pytest.mark.parametrize(("table", "name", "place"), ALL, ids=[f"{t.family}-{n}" for t, n, _ in ALL])
def test_field_stands_at_its_bits(table: Table, name: str, place: tuple[int, int]) -> None:
    field = table.by_name[name]
    assert (field.register, field.mask) == place


@pytest.mark.parametrize(("table", "names"), [(RHD, RHD_BITS), (RHS, RHS_BITS)], ids=["RHD", "RHS"])
def test_no_field_is_left_out_or_overlaps(table: Table, names: dict[str, tuple[int, int]]) -> None:
    assert [field.name for field in table.fields] == list(dict.fromkeys(field.name for field in table.fields))
    assert set(names) == set(table.by_name)
    for register in table.registers:
        masks = [field.mask for field in table.fields if field.register == register]
        assert sum(masks) == reduce(or_, masks)


@pytest.mark.parametrize("table", [RHD, RHS], ids=["RHD", "RHS"])
def test_packing_and_unpacking_are_inverse(table: Table) -> None:
    values = {
        f.name: f.fixed if f.fixed is not None else (i * 7 + 1) % ((f.mask >> f.low) + 1) for i, f in enumerate(table.fields)
    }
    assert unpack(table, pack(table, values)) == values


@pytest.mark.parametrize(("name", "value"), [("dsp_cutoff", 16), ("mux_bias", 64), ("digout", 2), ("digout", -1)])
def test_value_that_does_not_fit_is_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=name):
        pack(RHD, {name: value})


def test_unknown_field_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        pack(RHD, {"gain": 1})


def test_what_the_maker_demands_is_packed_unasked() -> None:
    assert pack(RHD, {})[0] == 0xCE


# --- images -----------------------------------------------------------------------------------------


def test_default_image_at_20_kHz() -> None:
    image = settings.rhd_image(20000)
    assert bytes(image.values()).hex(" ").upper() == "DE 42 04 02 9C 40 80 00 16 80 17 80 2C 86 FF FF FF FF"
    assert list(image) == list(range(18))


def test_image_for_64_amplifiers_has_22_registers() -> None:
    image = settings.rhd_image(20000, amplifiers=64)
    assert list(image) == list(range(22))
    assert [image[r] for r in range(14, 22)] == [0xFF] * 8


def test_image_powers_what_is_asked_for() -> None:
    image = settings.rhd_image(20000, powered=[0, 9, 31])
    assert [image[r] for r in range(14, 18)] == [0x01, 0x02, 0x00, 0x80]


def test_image_without_offset_removal_has_no_forbidden_number() -> None:
    values = unpack(RHD, settings.rhd_image(20000, dsp_Hz=None))
    assert (values["dsp_enable"], values["dsp_cutoff"]) == (0, 1)


EXAMPLE = {
    0: 3 << 6 | 5,
    1: 0x051A,
    2: 0x0040,
    3: 0x0080,
    4: 0x0016,
    5: 0x0017,
    6: 0x00A8,
    7: 0x000A,
    8: 0xFFFF,
    10: 0x0000,
    12: 0xFFFF,
    34: 0x00E2,
    35: 0x00AA,
    36: 0x0080,
    37: 0x4F00,
    38: 0xFFFF,
    42: 0,
    44: 0,
    46: 0,
    48: 0,
    **dict.fromkeys((*NEGATIVE, *POSITIVE), 0x8000),
}


@pytest.mark.parametrize(("register", "content"), EXAMPLE.items())
def test_the_data_sheets_example_of_an_rhs2116(register: int, content: int) -> None:
    assert settings.rhs_image(30000, dsp_Hz=4.665)[register] == content


def test_rhs_image_is_disarmed() -> None:
    image = settings.rhs_image(30000)
    assert image[32] == image[33] == 0
    assert not set(image) & READ_ONLY


# --- registers in chips -----------------------------------------------------------------------------

ROM = {
    "rhd2132": {61: 1, 62: 32, 63: 1},
    "rhd2216": {61: 0, 62: 16, 63: 2},
    "rhd2164": {61: 1, 62: 64, 63: 4},
}


@pytest.mark.parametrize(("name", "number", "value"), [(n, r, v) for n, rom in ROM.items() for r, v in rom.items()])
def test_rom_tells_the_chip(name: str, number: int, value: int) -> None:
    assert open_chip(name).register(number) == value


@pytest.mark.parametrize("name", ROM)
def test_rom_spells_company_and_name(name: str) -> None:
    chip = open_chip(name)
    assert bytes(chip.register(r) for r in range(40, 45)) == b"INTAN"
    assert bytes(chip.register(r) for r in range(48, 56)) == name.upper().encode() + b"\0"


@pytest.mark.parametrize("name", ROM)
def test_rom_can_not_be_written(name: str) -> None:
    chip = open_chip(name)
    before = [chip.register(r) for r in range(22, 64)]
    chip.transfer_all([rhd.write(r, 0xA5) for r in range(22, 64)])
    assert [chip.register(r) for r in range(22, 64)] == before


@pytest.mark.parametrize("name", CHIPS)
def test_ram_is_undefined_at_power_up_but_follows_the_seed(name: str) -> None:
    first, same, other = (open_chip(name, seed=seed) for seed in (1, 1, 2))
    assert first.ram == same.ram != other.ram
    assert len(set(first.ram)) > len(first.ram) // 3


@pytest.mark.parametrize("name", CHIPS)
def test_power_cycle_forgets(name: str) -> None:
    chip = open_chip(name, seed=1)
    fresh = list(chip.ram)
    chip.transfer_all([0x8000A500 if name == "rhs2116" else rhd.write(r, 0xA5) for r in range(18)])
    assert chip.ram != fresh
    chip.power_cycle()
    assert chip.ram == fresh
    assert chip.clock == 0


def test_registers_18_to_21_exist_on_the_rhd2164_alone() -> None:
    for name, kept in (("rhd2132", 0), ("rhd2216", 0), ("rhd2164", 0x5A)):
        chip = open_chip(name)
        chip.transfer_all([rhd.write(r, 0x5A) for r in range(18, 22)])
        assert [chip.register(r) for r in range(18, 22)] == [kept] * 4


def test_registers_18_to_21_are_read_on_line_b() -> None:
    chip = open_chip("rhd2164")
    chip.transfer(rhd.write(18, 0x5A))
    assert ask(chip, rhd.read(18)) == [(0, 0x5A)]
    assert ask(chip, rhd.read(4)) == [(chip.ram[4], chip.ram[4])]


def test_lines_of_the_rhd2164_tell_themselves_apart() -> None:
    assert ask(open_chip("rhd2164"), rhd.read(59)) == [(0x35, 0x3A)]


def test_another_rom_can_be_given() -> None:
    chip = open_chip("rhd2132")
    chip.override(63, 4)
    chip.power_cycle()
    assert ask(chip, rhd.read(63)) == [4]


def test_triggered_registers() -> None:
    assert {10, 12, 42, 44, 46, 48, *range(64, 80), *range(96, 112)} == TRIGGERED


@pytest.mark.parametrize("number", sorted(TRIGGERED))
def test_triggered_register_waits_for_u(number: int) -> None:
    chip = stimulator(armed=False)
    before = chip.register(number)
    chip.transfer(0x80000000 | number << 16 | 0x1234)
    chip.transfer_all([0xC0FF0000] * 5)
    assert chip.register(number) == before
    chip.transfer(0xE0FF0000)
    assert chip.register(number) == 0x1234


@pytest.mark.parametrize("number", [0, 1, 8, 32, 34, 36, 38])
def test_other_registers_do_not_wait(number: int) -> None:
    chip = stimulator(armed=False)
    chip.transfer(0x80000000 | number << 16 | 0x0055)
    assert chip.register(number) == 0x0055


@pytest.mark.parametrize("number", [9, 40, 50, 63, 80, 112, 251, 255])
def test_registers_of_an_rhs2116_that_can_not_be_written(number: int) -> None:
    chip = stimulator(armed=False)
    before = chip.register(number)
    chip.transfer(0xA0000000 | number << 16 | 0x4321)
    assert chip.register(number) == before != 0x4321
