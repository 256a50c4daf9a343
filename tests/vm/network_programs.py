"""Programs with networks of models as text, which the tests of the machine share so that few kernels are compiled."""

from __future__ import annotations

from tests.vm.network_texts import CELLS, SENDERS

# No spike goes anywhere.
ALONE = (
    CELLS
    + """
POP m, methods, 3
POP s, stages, 2
POP z, noisy, 5
POP l, leaky, 4
POP i, inclusive, 3
POP c, crossing, 2
POP p, membrane_of_parts, 3
MECH k, channel, p
MECH u, pump, p
MECH x, explicit, p
INP p.I, 1 uA/cm2
PLAY m.drive, [[0], [2e-3], [-1e-3], [4e-3]], 0.7 ms
PLAY l.I, [[1e-3, 2e-3, 3e-3, 4e-3], [0, 0, 5e-3, 1e-3]], 0.3 ms
REC m.a
REC m.b, 0.2 ms
REC m.c
REC m.d, 0.1 ms, [0, 2]
REC m.e
REC m.f
REC m.u
REC m.w
REC m.rate
REC m.rise
REC m.target
REC m.drive
REC s.x
REC s.y
REC s.z
REC s.n
REC z.a
REC z.b
REC z.c, 0.3 ms
REC z.d
REC l.v
REC l.w
REC l.I
REC l.still
REC l.spike_count
REC i.v, 0.1 ms, [1]
REC i.spike_count
REC c.x
REC c.passed
REC p.V
REC p.ca
REC p.I
REC p.influx
REC p.above
REC k.m
REC k.m_inf
REC k.shift
REC k.current
REC u.total
REC u.seen
REC x.q
RUN 6.15 ms
INP p.I, [1e-2, 2e-2, -1e-2]
INP l.I, 2 mV
INP k.shift, 3 mV, add
INP i.I, 11 mV, set
INP p.influx, 0.5, scale
UNREC s.z
RD m.target
RUN 5.35 ms
RD l.v
RD p.I
RD spike_count
SIG 0.5 mV
INP p.I, 2 uA/cm2, set
INP i.I, 1 mV
INP p.influx, 2, scale
PLAY k.shift, [[1e-3, 2e-3, 3e-3], [0, 0, 1e-3]], 1 ms
SET m.tau, 8 ms
SET x.g, 0.02 mS/cm2
RUN 8 ms
SIG 0
RUN 0.73 ms
RST
RUN 4.4 ms
RD state
RD m.target
RD k.current
RD z.a
"""
)

# Spikes on their way: projections by every rule, delays, ports, trains and random spikes.
SENT = (
    SENDERS
    + """
POP s, source, 7
POP t, target, 5
POP e, early, 4
POP q, middle, 3
POP r, tardy, 3
POP o, first_spike, 3
MECH c, conductance, t
MECH d, late, t
SYN s_t, s, t
CON s_t, probability, 0.5
SYN s_g, s, t.gate
CON s_g, indegree, 3
SYN s_c, s, c
CON s_c, outdegree, 2
SYN s_slow, t, c.slow
CON s_slow, others
SYN s_d, s, d
CON s_d, all
SYN s_e, s, e
CON s_e, all
SYN t_s, t, s
CON t_s, sparse(5, 7) { 0 0 0.2 | 1 3 -0.1 | 4 6 0.4 | 2 2 0.3 }
SYN t_t, t, t.begun
CON t_t, [[0, 1e-3, 0, 0, -1e-3], [0, 0, 2e-3, 0, 0], [0, 0, 0, 1e-3, 0], [1e-3, 0, 0, 0, 0], [0, 0, 0, 1e-3, 1e-3]]
SYN e_q, e, q
CON e_q, all
SYN e_e, e, e
CON e_e, others
SYN q_r, q, r
CON q_r, one_to_one
SYN s_o, s, o
CON s_o, all
SYN e_r, e, r
CON e_r, all
SET s_t.weight, 2 mV
SET s_t.delay, 0.3 ms
SET s_g.weight, 0.2
SET s_g.delay, normal(0.5 ms, 0.3 ms, 0 ms, 1.2 ms)
SET s_c.weight, 0.15
SET s_c.delay, 0.1 ms
SET s_slow.weight, 0.3
SET s_slow.delay, 1.7 ms
SET s_d.weight, 0.1
SET s_d.delay, 0.72 ms
SET s_e.weight, 0.6 mV
SET s_e.delay, uniform(0 ms, 0.6 ms)
SET t_s.delay, 0.2 ms
SET t_t.weight, 0.5
SET t_t.delay, [0.46e-3, 0, 0.3e-3, 1e-3, 0.05e-3, 0.25e-3, 0.7e-3]
SET e_q.weight, 0.3 mV
SET e_q.delay, 0.4 ms
SET e_e.weight, -0.1 mV
SET q_r.weight, 0.8 mV
SET q_r.delay, [0, 0.1e-3, 0.2e-3]
SET s_o.weight, 0.15 mV
SET e_r.weight, 0.2 mV
SET s.offset, [0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.1]
INP t.I, 3 mV
EVT t, [[0.2e-3, 0], [0.2e-3, 0], [0.5e-3, 3], [5.1e-3, 2], [0.1e-3, 4]], 4 mV
EVT t.gate, [[1e-3, 1], [1.2e-3, 1]], [0.5, 0.25, 0.5, 0.5, 0.5]
RATE t.gate, 300 Hz, 0.3
RATE c.slow, [100, 0, 200, 300, 50], [0.1, 0.2, 0.3, 0.4, 0.5]
RATE e, 500 Hz, 1 mV
EVT o, [[0.5e-3, 0], [0.5e-3, 1], [2.5e-3, 2]], 3 mV
RATE r, 900 Hz, 1.5 mV
REC s.phase
REC s.heard
REC t.v
REC t.g
REC t.w
REC t.last
REC t.first
REC t.I
REC e.v
REC e.n
REC q.v
REC q.seen
REC r.v
REC r.w
REC o.v
REC c.g
REC c.h
REC d.g
REC t.spike_count
RUN 9.35 ms
RD state
RD spike_count
RD t.I
EVT t, [[0, 1], [0.4e-3, 1], [0.15e-3, 0]], [1e-3, 2e-3, 3e-3, 4e-3, 5e-3]
RATE t.gate, 0, 0
SET s_t.weight, -1 mV
SET t.pause, 0.2 ms
RUN 6 ms
RST
RD state
RUN 7 ms
RD state
RD t.I
RD spike_count
"""
)

# The same models where parameters differ between neurons and some neurons are held.
HELD = (
    CELLS
    + SENDERS
    + """
POP m, methods, 2
POP l, leaky, 4
POP s, stages, 2
POP p, membrane_of_parts, 3
MECH k, channel, p
MECH u, pump, p
POP c, source, 4
POP t, target, 5
MECH d, late, t
POP e, early, 2
SYN c_t, c, t
CON c_t, all
SYN c_d, c, d
CON c_d, indegree, 2
SYN t_t, t, t.begun
CON t_t, others
SYN l_e, l, e
CON l_e, all
SET c_t.weight, 1.5 mV
SET c_t.delay, 0.2 ms
SET c_d.weight, 0.2
SET c_d.delay, 0.5 ms
SET t_t.weight, 0.5 mV
SET l_e.weight, 1 mV
SET m.tau, [8e-3, 12e-3]
SET l.tau, [5e-3, 10e-3, 15e-3, 10e-3]
SET l.pause, [0, 0.5e-3, 1e-3, 2e-3]
SET l.V_r, [-71e-3, -70e-3, -75e-3, -72e-3]
SET l.V_th, [-62e-3, -61e-3, -60e-3, -63e-3]
SET p.C, [0.01, 0.02, 0.01]
SET k.g, [3, 2, 1]
SET t.pause, [0.1e-3, 0.2e-3, 0.3e-3, 0.4e-3, 0.85e-3]
SET d.size, [1e-3, 2e-3, 3e-3, 4e-3, 5e-3]
SET c.rate, [900, 700, 1100, 500]
INP t.I, [1e-3, 2e-3, 3e-3, 4e-3, 8e-3]
INP p.I, 2 uA/cm2
RATE t.gate, 400 Hz, 0.3
CLAMP [0, 3, 6, 9, 12, 16], [-0.055, -0.05, 1.5, -0.03, 0.5, 0.004]
REC m.a
REC m.b
REC m.f
REC l.v
REC l.w
REC s.x
REC s.y
REC s.z
REC p.V
REC p.ca
REC k.m
REC k.current
REC u.total
REC c.phase
REC t.v
REC t.w
REC t.g
REC e.v
REC d.g
RUN 6.2 ms
RD state
FREE [3, 9]
CLAMP [2, 11, 15], 0
RUN 4 ms
SET l.V_r, [-72e-3, -71e-3, -73e-3, -72e-3]
RD state
RST
RD state
FREE [0, 12]
RUN 5 ms
RD state
RD spike_count
"""
)
