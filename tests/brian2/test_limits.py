"""Models that the reference driver does not do are refused before anything runs."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.verify import verify
from bioasm.text.assemble import assemble

pytest.importorskip("brian2")

MODEL = """
.model odd {{
  parameters:
    t_ref = 2 ms
  state:
    v = 0
  definitions:
    wait = t_ref*(1 + abs(v))
  step:
    dv/dt = -v/(10 ms)
  spike: v > 1
  reset:
    v := 0
  refractory: {refractory}
  receive:
    v += {factor}*weight
}}
    POP a, odd, 2
    RUN 1 ms
"""


@pytest.mark.parametrize(
    ("refractory", "factor", "said"),
    [("wait", "1", "refractory time that changes"), ("t_ref", "held(v)", "held or delayed values")],
)
def test_it_is_refused(refractory: str, factor: str, said: str) -> None:
    from bioasm.drivers.brian2.driver import Brian2Driver

    program = verify(assemble(MODEL.format(refractory=refractory, factor=factor)))
    with pytest.raises(BioasmError) as refused:
        Brian2Driver().run(program)
    (found,) = refused.value.diagnostics
    assert found.code == "B502" and said in found.message


def test_a_plain_model_is_not() -> None:
    from bioasm.drivers.brian2.driver import Brian2Driver

    assert Brian2Driver().missing(verify(assemble(MODEL.format(refractory="t_ref", factor="2")))) == []
