"""`--set NAME=VALUE`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import ConstantRef, Instruction, Name, Program, Quantity
from bioasm.isa.table import BY_MNEMONIC
from bioasm.models import MODELS
from bioasm.network.namespace import NameSpace
from bioasm.network.network import Network, Population
from bioasm.settings import parameters, parse_quantity, split_settings, verified_program, with_constants
from bioasm.sweeps.values import axes
from bioasm.text.assemble import assemble
from bioasm.units import Dimension
from bioasm.verifier.gate import Verified
from bioasm.verifier.resolve import resolve
from tests.command import bioasm

LIF = MODELS["lif_critical"]
ISING = MODELS["ising"]
PROGRAM = Program((), constants={"T0": Quantity(3.0), "level": Quantity(2e-3, Dimension.VOLTAGE)})


def of(program: Program, model) -> Verified:
    """A program that passed, with one population of a model."""
    network = Network((Population(model.name, model, 0, 0),), implicit=True)
    return Verified(program, network, instructions=resolve(NameSpace(network), program))


def constants(*settings: str) -> dict[str, Quantity]:
    return dict(with_constants(PROGRAM, split_settings(settings)).constants)


def refusal(*settings: str, model=LIF, program: Program = PROGRAM) -> BioasmError:
    with pytest.raises(BioasmError) as caught:
        chosen = split_settings(settings)
        parameters(of(with_constants(program, chosen), model), chosen)
    return caught.value


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("5", 5.0, Dimension.NONE),
        ("-2e-3", -2e-3, Dimension.NONE),
        (".5", 0.5, Dimension.NONE),
        ("10 mV", 0.01, Dimension.VOLTAGE),
        ("10mV", 0.01, Dimension.VOLTAGE),
        ("0.1ms", 1e-4, Dimension.TIME),
        ("50 sweeps", 50.0, Dimension.SWEEPS),
        ("1_000", 1000.0, Dimension.NONE),
        ("1e3 pA", 1e-9, Dimension.CURRENT),
    ],
)
def test_value(text: str, value: float, dimension: Dimension) -> None:
    assert parse_quantity("x", text) == Quantity(value, dimension)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "B406"),
        ("abc", "B406"),
        ("--5", "B406"),
        ("nan", "B406"),
        ("inf", "B406"),
        ("1e999", "B406"),
        ("5 Vx", "B005"),
    ],
)
def test_value_that_is_none(text: str, code: str) -> None:
    with pytest.raises(BioasmError, match=code) as caught:
        parse_quantity("x", text)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("setting", ["T0", "=5", "T0=", " = "])
def test_setting_that_is_none(setting: str) -> None:
    assert "NAME=VALUE" in str(refusal(setting))


def test_a_constant_is_replaced() -> None:
    assert constants("T0=5") == {"T0": Quantity(5.0), "level": Quantity(2e-3, Dimension.VOLTAGE)}


def test_blanks_around_the_equals_sign_do_not_matter() -> None:
    assert constants(" T0 = 5 ")["T0"] == Quantity(5.0)


def test_a_bare_number_keeps_the_dimension_of_the_constant() -> None:
    assert constants("level=0.01")["level"] == Quantity(0.01, Dimension.VOLTAGE)


def test_a_constant_without_a_unit_takes_one() -> None:
    assert constants("T0=5 mV")["T0"] == Quantity(5e-3, Dimension.VOLTAGE)


def test_a_constant_of_another_dimension_is_refused() -> None:
    assert "error[B006]: --set level: it is a voltage, not a time" in str(refusal("level=5 ms"))


def test_constants_are_no_parameters() -> None:
    assert parameters(of(PROGRAM, LIF), {"T0": "5"}) == {}


@pytest.mark.parametrize(
    ("model", "name", "text", "value"),
    [
        (LIF, "tau", "10 ms", 0.01),
        (LIF, "dt", "5e-5", 5e-5),
        (ISING, "rule", "metropolis", 1.0),
        (ISING, "rule", "1", 1.0),
    ],
)
def test_a_parameter_of_the_model(model, name: str, text: str, value: float) -> None:
    assert parameters(of(PROGRAM, model), {name: text}) == {name: value}


@pytest.mark.parametrize(
    ("setting", "model", "message"),
    [
        ("T1=5", LIF, "B405"),
        ("rule=glauber", LIF, "B405"),
        ("tau=5 mV", LIF, "error[B006]: --set tau: it is a time, not a voltage"),
        ("tau=0", LIF, "B116"),
        ("tau=-1", LIF, "B116"),
        ("rule=2", ISING, "B116"),
        ("rule=glauba", ISING, "B406"),
    ],
)
def test_a_parameter_that_does_not_fit(setting: str, model, message: str) -> None:
    wrong = refusal(setting, model=model)
    assert message in str(wrong)
    assert wrong.exit_code == 2


@pytest.mark.parametrize(
    ("setting", "model", "hint"),
    [
        ("t0=5", LIF, "did you mean T0?"),
        ("taw=5", LIF, "did you mean tau?"),
        ("rule=glauba", ISING, "did you mean glauber?"),
        ("rule=x", ISING, "it may be glauber or metropolis"),
    ],
)
def test_the_nearest_name_is_offered(setting: str, model, hint: str) -> None:
    assert refusal(setting, model=model).diagnostics[0].hint == hint


def test_what_the_program_sets_itself_is_refused() -> None:
    setting = Instruction(BY_MNEMONIC["SET"], (Name("dt"), ConstantRef("step")))
    program = Program((setting,), constants={"step": Quantity(1e-4)})
    assert "the program sets dt itself" in str(refusal("dt=1e-5", program=program))
    assert parameters(of(program, LIF), {"step": "1e-5"}) == {}


TIMED = assemble(".const D = 5 ms\n.const k = 2\nALC 1\nMOV r0, k\nRUN D\n")


@pytest.mark.parametrize(
    ("setting", "told", "hint"),
    [
        ("tau=20", "20 has no unit and is taken as 20 s", "write 20 s, or 20 ms where that is meant"),
        ("Vt=-50", "-50 has no unit and is taken as -50 V", "write -50 V, or -50 mV where that is meant"),
        ("dt=1e-4", "0.0001 has no unit and is taken as 100 us", "write 100 us"),
        ("D=3", "3 has no unit and is taken as 3 s", "write 3 s, or 3 ms where that is meant"),
    ],
)
def test_a_number_without_a_unit_is_told_as_in_a_text(setting: str, told: str, hint: str) -> None:
    verified, _ = verified_program(TIMED, split_settings([setting]))
    (warning,) = verified.warnings
    assert (warning.code, warning.severity, warning.hint) == ("B131", "warning", hint)
    assert warning.message == f"--set {setting}: {told}"


@pytest.mark.parametrize("setting", ["tau=20 ms", "D=0", "D=3 ms", "k=7", "Vt=0"])
def test_what_has_a_unit_or_needs_none_is_not_told(setting: str) -> None:
    assert verified_program(TIMED, split_settings([setting]))[0].warnings == ()


def test_words_and_rules_need_no_unit() -> None:
    program = assemble("MODEL ising\nALC 2\nRUN 1 sweeps\n")
    for setting in ("rule=glauber", "rule=0"):
        assert verified_program(program, split_settings([setting]))[0].warnings == ()


def test_what_is_given_twice_is_refused() -> None:
    for twice in (("T=1", "T=2"), ("tau=10 ms", "lif_critical.tau=20 ms")):
        found = refusal(*twice)
        assert found.diagnostics[0].code == "B406" and "given twice" in found.diagnostics[0].message
    with pytest.raises(BioasmError, match="--set T is given twice: 1,2 and 3") as caught:
        axes(["T=1,2", "T=3"])
    assert "one list" in (caught.value.diagnostics[0].hint or "")


@pytest.mark.parametrize("command", ["run", "verify", "tts", "sweep"])
def test_every_command_refuses_a_name_that_is_set_twice(command: str, tmp_path: Path) -> None:
    path = tmp_path / "p.basm"
    path.write_text(".const T = 1\n    MODEL ising\n    ALC 2\n    SIG T\n    RUN 1 sweeps\n")
    more = {"sweep": ["-o", tmp_path / "out"], "tts": ["--target", 0], "verify": ["--against", "cpu"]}
    ran = bioasm(command, path, "--set", "T=1", "--set", "T=2", *more.get(command, []))
    assert ran.code == 2 and "--set T is given twice" in ran.stderr
