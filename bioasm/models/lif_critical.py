"""The LIF critical twin: leaky integrate-and-fire neurons held 2 mV below threshold, coupled by a feedback current."""

from __future__ import annotations

from bioasm.models.base import Model, Observable, Parameter, Variable, common_observables
from bioasm.units import Dimension

LIF_CRITICAL = Model(
    name="lif_critical",
    kind="neuron",
    noise_name="sigma",
    summary="leaky integrate-and-fire neurons near threshold with feedback J s + h",
    prose="""\
dv/dt = (-(v - El) + R (I_offset + I_in)) / tau + sigma sqrt(2/tau) xi, Euler-Maruyama with step dt; a neuron spikes
when v > Vt and is reset to Vr in the same step. There is no refractory time and no lower bound of v.

Every `feedback_interval`, before the step at that time, s = clip((v - El)/(Vt - El), 0, 1) is taken from v, the energy
E(s) = -1/2 s'Js - h's (- higher-order terms) + offset is appended to the trace, and the feedback current
I = -dE/ds = J s + h (+ higher-order terms), in amperes, is held until the next time. Where max |I| over the neurons is more
than `I_max`, all of I is scaled down so that it is `I_max`: with couplings of order 1 only the direction of J s + h matters.
Before any of J, h or terms is loaded there is no feedback and no trace.

I_in is the sum of the feedback current and of the currents of CUR and WAVE. Without noise, inputs or feedback the membrane
rests at El + R I_offset = -52 mV, 2 mV below threshold. Some device descriptions give I_offset as 0.39 nA (-50.5 mV).

`best_state` is s > 0.5 as 0/1 at feedback times, and `best_energy` the energy of that 0/1 state.""",
    clock=Dimension.TIME,
    noise=Dimension.VOLTAGE,
    noise_default=2e-3,
    parameters=(
        Parameter("R", 50e6, Dimension.RESISTANCE, "membrane resistance", low=0),
        Parameter("tau", 20e-3, Dimension.TIME, "membrane time constant", low=0, open_low=True),
        Parameter("El", -70e-3, Dimension.VOLTAGE, "resting potential; v starts here"),
        Parameter("Vt", -50e-3, Dimension.VOLTAGE, "threshold"),
        Parameter("Vr", -70e-3, Dimension.VOLTAGE, "reset potential"),
        Parameter("I_offset", 0.36e-9, Dimension.CURRENT, "constant current that holds the membrane near threshold"),
        Parameter("I_max", 1.5e-9, Dimension.CURRENT, "largest feedback current", low=0, structural=True),
        Parameter("dt", 0.1e-3, Dimension.TIME, "time step", low=0, open_low=True, structural=True),
        Parameter(
            "feedback_interval",
            1e-3,
            Dimension.TIME,
            "time between updates of the feedback, a multiple of dt",
            low=0,
            open_low=True,
            structural=True,
        ),
    ),
    variables=(
        Variable("v", Dimension.VOLTAGE, "membrane potential"),
        Variable("s", Dimension.NONE, "state, clip((v - El)/(Vt - El), 0, 1)"),
        Variable("I", Dimension.CURRENT, "feedback current"),
        Variable("spike_count", Dimension.NONE, "spikes so far"),
    ),
    observables=(
        Observable("state", "neurons", "s of each neuron, 0 to 1"),
        Observable("v", "neurons", "membrane potentials", Dimension.VOLTAGE),
        Observable("spikes", "events", "times and neurons of all spikes so far"),
        Observable("spike_count", "neurons", "number of spikes of each neuron", register=True),
        *common_observables(Dimension.TIME),
    ),
    clamp="v",
    abilities=frozenset({"inputs", "kbody", "record", "clamp"}),
    source="the Brian2 code of pykoppu 0.2.1 and 0.2.34a0 (electrophysiology/cpu.py)",
)
