"""Checks of connections with states: statements and pathways in their order, delays at both ends, what is sent, SET and RST."""

from __future__ import annotations

import math

import numpy as np

from bioasm.testing.kit import Subject, check, expect
from bioasm.testing.results import reading, values
from bioasm.verifier.abilities import MODEL_TEXTS

TAU, DELAY, POST_DELAY = 10, 2, 1  # milliseconds, which are steps
EVENTS = {
    "pre": [(3, 0), (5, 1), (9, 0), (14, 0), (14, 1)],
    "post": [(4, 1), (6, 0), (10, 1), (15, 0), (15, 1)],
}  # step, neuron
PAIRS = [(0, 0), (0, 1), (1, 1)]

SOURCE = """
.model source_of_the_kit {
  parameters:
    dt = 1 ms > 0 fixed
  state:
    due = 0
    heard = 0
  step:
    due := due
  spike: due > 0
  reset:
    due := due - 1
  receive:
    due += weight
  receive ear:
    heard += weight
}
"""
LEARNING = (
    SOURCE
    + """
.synapse pair_of_the_kit {
  parameters:
    tau = 10 ms > 0
  state:
    w = 0.5
    a = 0
    b = 0
  step:
    da/dt = -a/tau event-driven
    db/dt = -b/tau event-driven
  on pre:
    send w
    a += 0.1
    w := w - b
  on post:
    b += 0.2
    w := w + a
}
    POP pre, source_of_the_kit, 2
    POP post, source_of_the_kit, 2
    SYN s, pre, post.ear
    CON s, [[2, 3], [0, 4]]
    VIA s, pair_of_the_kit
    SET s.delay, 2 ms
    SET s.post_delay, 1 ms
"""
)
STATES = (
    SOURCE
    + """
.synapse states_of_the_kit {
  parameters:
    gain = 20 Hz
  state:
    c = 1 + gain*(50 ms)
  step:
    dc/dt = gain*c using euler
}
    POP pre, source_of_the_kit, 2
    POP post, source_of_the_kit, 2
    SYN s, pre, post.ear
    CON s, all
    VIA s, states_of_the_kit
    SET s.gain, [20, 40, 0, 20]
    RUN 2 ms
    RD s.c
    MOV r0, 5
    SET s.c, r0
    RUN 1 ms
    RD s.c
    SET s.c, [1, 2, 3, 4]
    SET s.gain, 0
    RUN 1 ms
    RD s.c
    RST
    RD s.c
    RD s.pre
    RD s.post
"""
)


@check("synapses", MODEL_TEXTS, "network", "record")
def connections_learn_by_the_times_of_spikes(subject: Subject) -> None:
    """Spikes of both ends come to a connection after their delays, on pre before on post, traces decayed since the last one."""
    lines = [f"EVT {name}, {[[(k - 1) * 1e-3, n] for k, n in spikes]}, 1" for name, spikes in EVENTS.items()]
    result = subject.run(
        "\n".join([LEARNING, *lines, "REC s.w", "RUN 20 ms", "RD s.a", "RD s.last_event", "RD post.heard", ""])
    )
    w, a, b, last = np.full(3, 0.5), np.zeros(3), np.zeros(3), np.zeros(3, int)
    heard, trace = np.zeros(2), []
    for k in range(20):
        trace.append(w.copy())
        for event, late in (("pre", DELAY), ("post", POST_DELAY)):
            for e, ends in enumerate(PAIRS):
                if (k - late, ends[event == "post"]) in EVENTS[event]:
                    decay = math.exp(-(k - last[e]) / TAU)
                    a[e], b[e], last[e] = a[e] * decay, b[e] * decay, k
                    if event == "pre":
                        heard[ends[1]] += w[e] * (2 + e)
                        a[e], w[e] = a[e] + 0.1, w[e] - b[e]
                    else:
                        b[e], w[e] = b[e] + 0.2, w[e] + a[e]
    np.testing.assert_allclose(result.recordings["s.w"].values[0], trace, rtol=1e-12)
    np.testing.assert_allclose(reading(result, "s.a")[0], a, rtol=1e-12)
    np.testing.assert_allclose(reading(result, "s.last_event")[0], last * 1e-3, rtol=1e-12)
    np.testing.assert_allclose(reading(result, "post.heard")[0], heard, rtol=1e-12)


@check("synapses", MODEL_TEXTS, "network", "control")
def states_of_connections_are_set(subject: Subject) -> None:
    """By a number, one a connection or a register; what is computed in every step goes on from there, RST to the start."""
    first, second, third, fourth, pre, post = values(subject.run(STATES))
    gain = np.array([20.0, 40.0, 0.0, 20.0])
    np.testing.assert_allclose(first[0], (1 + gain * 0.05) * (1 + gain * 1e-3) ** 2, rtol=1e-12)
    np.testing.assert_allclose(second[0], 5 * (1 + gain * 1e-3), rtol=1e-12)
    np.testing.assert_allclose(third[0], [1, 2, 3, 4], rtol=1e-12)
    np.testing.assert_allclose(fourth[0], np.ones(4), rtol=1e-12)
    expect(pre[0].tolist() == [0, 0, 1, 1] and post[0].tolist() == [0, 1, 0, 1], "connections go by source, then target")
