"""Programs whose connections have states of every kind, for the tests that cut runs and compare them."""

from __future__ import annotations

# Event-driven equations alone and coupled, one of every step, statements at both ends, three pathways, a state that stays, and
# a fixed parameter that is longer than any delay may be and called like one.
RULE = """\
.synapse rule {
  parameters:
    tau = 5 ms > 0
    gain = 0.3
    slow_delay = 1 s fixed
  state:
    w = 0.5
    a = 0
    b = 0
    c = 0
    q = 0
    still = 2*gain
  uses:
    v_post : V
    g_post : V
    v_pre : V
  definitions:
    both = a + b
  step:
    da/dt = -a/tau event-driven
    db/dt = (c - b)/tau event-driven
    dc/dt = (1 - c)/(2*tau) event-driven
    dq/dt = (v_post/mV - v_pre/mV - q)/(4*tau) using euler
  on pre:
    send w + 0.01*q
    a += gain
    w := clip(w + 0.1*b, 0, still)
  on pre effect:
    g_post += both*(0.1 mV)
  on post:
    b += gain + 0.01*v_pre/mV
    c += -gain*c
    w := clip(w - 0.05*a*v_post/mV, 0, 1)
}
"""
CELLS = """\
.model cell {
  noise:
    sigma = 3 mV
  parameters:
    drive = 9 mV
  state:
    v = 0 mV
    g = 0 mV
  step:
    dv/dt = (drive + g - v)/(3 ms) + sigma*sqrt(2/(3 ms))*xi
    dg/dt = -g/(2 ms)
  spike: v > 8 mV
  reset:
    v := 0 mV
  refractory: 0.5 ms
  receive:
    weight : V
    g += weight
  receive jump:
    weight : V
    g += (1 - g/(10 mV))*weight
}
"""
NETWORK = """\
    POP one, cell, 5
    POP two, cell, 4
    SYN s, one, two
    CON s, probability, 0.6
    VIA s, rule
    SYN own, two, two.jump
    CON own, [[0, 0.5e-3, 0, 1e-3], [1e-3, 0, 0, 0], [0, 0.7e-3, 0, 0], [0, 0, 2e-3, 0]]
    VIA own, rule
    SET s.weight, 0.8 mV
    SET s.delay, 0.3 ms
    SET s.post_delay, 0.2 ms
    SET s.effect_delay, 1.1 ms
    SET s.w, 0.4
    SET s.slow_delay, 1000 s
    SET own.w, uniform(0.3, 0.7) per lane
    SET own.delay, [0, 1e-3, 0.3e-3, 0.3e-3, 0.7e-3]
    SET own.gain, [0.1, 0.2, 0.3, 0.2, 0.1]
    SET own.post_delay, 0.4 ms
"""
LEARNED = (
    RULE
    + CELLS
    + NETWORK
    + """\
    REC s.w, 0.5 ms
    REC s.still, 1 ms, [0, 2]
    REC own.q
    REC own.b, 0.3 ms, [4, 1]
    REC two.g, 1 ms
    RUN 4 ms
    MOV r0, 0.25
    SET s.w, r0
    PEEK r1, own.w, 3
    OUT r1, seen
    UNREC own.q
    SET own.weight, 1.25
    RUN 3 ms
    RST
    RUN 5 ms
    RD s.w
    RD own.w
    RD own.last_event
    RD s.pre
"""
)
