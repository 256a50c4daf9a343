"""One program of small populations whose course is known in closed form, for the tests that change its numbers."""

from __future__ import annotations

METHODS = ("euler", "rk4", "exponential_euler", "cnexp", "implicit", "exact")
PAUSES = (0.0, 0.04, 0.1, 0.15, 0.2, 0.3, 0.301, 1.0)  # ms
_LINEAR = "\n".join(f"dx_{m}/dt = (1 - x_{m})/tau using {m}" for m in METHODS)
_LOGISTIC = "\n".join(f"dy_{m}/dt = y_{m}*(1 - y_{m})/tau using {m}" for m in ("euler", "rk4", "exponential_euler", "implicit"))
_FIRING = """
  parameters:
    pause = 0 ms >= 0
  state:
    x = 0
    seen = 0
  step:
    dx/dt = 30/(1 ms) using implicit unless refractory
    dseen/dt = 1/dt unless refractory
  spike: x > 1
  reset:
    x := 0
  refractory: pause {inclusive}
{order}
"""
_FIRST, _LAST = "  order: receive, spike, reset, step", "  order: step, receive, spike, reset"
_MODELS = f"""
.model relaxing {{
  "relaxation and logistic growth by every method"
  parameters:
    tau = 2 ms > 0
  state:
    {" ".join(f"x_{m} = 0{chr(10)}" for m in METHODS)}
    {" ".join(f"y_{m} = 0.1{chr(10)}" for m in ("euler", "rk4", "exponential_euler", "implicit"))}
    driven = 0
    p = 1
    q = 0
  step:
    {_LINEAR}
    {_LOGISTIC}
    ddriven/dt = cos(t/tau)/tau using rk4
    dp/dt = -q/tau using rk4
    dq/dt = p/tau using rk4
}}
.model diffusing {{
  "Ornstein-Uhlenbeck processes"
  noise:
    sigma = 2 mV
  parameters:
    tau = 1 ms > 0
  state:
    u = 0 mV
    w = 0 mV
    wiener = 0
  step:
    du/dt = -u/tau + sigma*sqrt(2/tau)*xi
    dw/dt = -w/tau + sigma*sqrt(2/tau)*xi_w
    dwiener/dt = xi*sqrt(1/(1 s))
}}
.model integrating {{
  "a leaky integrator with a constant drive"
  parameters:
    tau = 10 ms > 0
    drive = 1.5
    pause = 0 ms >= 0
  state:
    v = 0
  step:
    dv/dt = (drive - v)/tau using exact unless refractory
  spike: v > 1
  reset:
    v := 0
  refractory: pause
}}
.model firing {{ "fires whenever it may" {_FIRING.format(inclusive="", order="")} }}
.model firing_on {{ "the same, to the end of the time" {_FIRING.format(inclusive="inclusive", order="")} }}
.model firing_first {{ "the same before the step" {_FIRING.format(inclusive="", order=_FIRST)} }}
.model firing_last {{ "the same at the end" {_FIRING.format(inclusive="inclusive", order=_LAST)} }}
.model counting {{
  "sums up what arrives, and sends on a spike in the next step"
  state:
    heard = 0
    last = 0
    due = 0
  step:
    due := last
    last := 0
  spike: due > 0.5
  receive:
    heard += weight
    last += weight
}}
.mechanism trace {{
  "a conductance with a delay of its own"
  state:
    g = 0
  step:
    dg/dt = 0/(1 s)
  receive:
    g += weight
  adds:
    I += delayed(g)
}}
.model collecting {{
  "takes its input over"
  state:
    x = 0
  inputs:
    I : 1
  step:
    x := I
}}
"""
NETWORK = f"""
POP r, relaxing, 1
POP d, diffusing, 60
POP l, integrating, 6
POP f, firing, {len(PAUSES)}
POP fi, firing_on, {len(PAUSES)}
POP fe, firing_first, {len(PAUSES)}
POP fl, firing_last, {len(PAUSES)}
POP a, counting, 3
POP b, counting, 3
POP n, collecting, 3
MECH m, trace, n
SYN ab, a, b
CON ab, one_to_one
SYN am, a, m
CON am, one_to_one
"""
# What a program says after its own settings.
RECORDED = "\n".join(
    [
        *(f"REC r.x_{m}" for m in METHODS),
        *(f"REC r.y_{m}" for m in ("euler", "rk4", "exponential_euler", "implicit")),
        *("REC r.driven", "REC r.p", "REC r.q", "REC d.u", "REC d.w", "REC d.wiener", "REC l.v", "REC f.seen", "REC b.heard"),
        "REC n.x",
    ]
)
EVENTS = "EVT a, [[1e-3, 0], [2e-3, 1], [2.2e-3, 1]], 1"
"""A spike into one neuron of `a`, and two into another."""


def program(duration: str = "5 ms", settings: str = "") -> str:
    """The program with settings of its own: parameters, inputs."""
    pauses = "[" + ", ".join(repr(p * 1e-3) for p in PAUSES) + "]"
    paused = "\n".join(f"SET {p}.pause, {pauses}" for p in ("f", "fi", "fe", "fl"))
    varied = "SET l.drive, [1.2, 1.5, 2, 3, 5, 1.01]\nSET l.pause, [0, 1e-3, 0, 2e-3, 5e-4, 0]"
    return f"{_MODELS}\n{NETWORK}\n{paused}\n{varied}\n{settings}\n{EVENTS}\n{RECORDED}\nRUN {duration}\n"
