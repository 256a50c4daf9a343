"""Models as text that the programs of network_programs.py are made of."""

from __future__ import annotations

# Every method of integration, stages, noise, thresholds, refractory times and mechanisms.
CELLS = """
.model methods {
  "one variable for each method, some with t, with definitions and with another variable"
  parameters:
    tau = 10 ms > 0
    E = -70 mV
    V_T = -50 mV
    slope = 2 mV > 0
  state:
    a = E
    b = E + 1 mV
    c = a + 2 mV
    d = E
    e = E
    f = E
    u = 0.25
    w = 0.75
  inputs:
    drive : V = 1 mV
  definitions:
    rise = slope*exp(clip((c - V_T)/slope, -20, 5))
    target = E + drive + 3 mV*sin(200*pi*t/(1 s))
    rate = (0.1 + 0.4/(1 + exp(-(a - E)/(5 mV))))/(1 ms)
  step:
    da/dt = (target - a)/tau
    db/dt = (target - b)/tau using rk4
    dc/dt = (E - c + rise + drive)/tau using exponential_euler
    dd/dt = (E + drive - d)/tau using exact
    de/dt = rate*(target + 2 mV*u - e) using cnexp
    df/dt = (E - f + rise - 0.1*(f - E)^2/(1 mV))/tau using implicit
    du/dt = (w - u)/tau + 0.3*cos(300*t/(1 s))/(1 ms) using rk4
    dw/dt = (-u - 0.1*w)/(2 ms) using rk4
}

.model stages {
  "equations see the values from before their stage, assignments those of before their line"
  parameters:
    tau = 5 ms > 0
  state:
    x = 1
    y = 2
    z = 0
    n = 0
  step:
    y := y + 0.01*x
    dx/dt = (y - x)/tau
    x := x + 0.1*y
  then:
    z := z + held(x) - x
    n := n + 1
    dy/dt = (2 - y)/tau using exact
  then:
    n := where(n >= 7 and not (y < 0), 0, n)
}

.model noisy {
  "white noises of one neuron are independent, and none depends on how steps are cut"
  noise:
    sigma = 2 mV
  parameters:
    tau = 10 ms > 0
  state:
    a = 0 mV
    b = 0 mV
    c = 0 mV
    d = 0 mV
  step:
    da/dt = -a/tau + sigma*sqrt(2/tau)*xi
    db/dt = -b/tau + 3 mV*sqrt(2/tau)*xi_two
    dc/dt = -c/tau + sigma*sqrt(2/tau)*(1 + abs(a)/(1 mV))*xi_one - sigma*sqrt(1/tau)*xi
    dd/dt = (a - d)/tau
}

.model leaky {
  "spikes above a level, with a refractory time of its own for each neuron"
  parameters:
    tau = 10 ms > 0
    E = -70 mV
    V_th = -60 mV
    V_r = -72 mV
    pause = 1.05 ms >= 0
  state:
    v = E
    w = 0 mV
    still = 0
  inputs:
    I : V = 12 mV
  step:
    dv/dt = (E - v + I - w)/tau unless refractory
    dw/dt = -w/(20 ms)
    dstill/dt = 1/(1 ms) unless refractory
  spike: v > V_th
  reset:
    v := V_r + 0.1*(held(v) - v)
    w := w + 0.5 mV + 0.01*(held(v) - V_th)
  refractory: pause + 0.1 ms*w/(1 mV)
}

.model inclusive {
  "the same, whose refractory time includes its end"
  parameters:
    pause = 0.5 ms >= 0
  state:
    v = 0 mV
  inputs:
    I : V = 12 mV
  step:
    dv/dt = (I - v)/(3 ms) using rk4 unless refractory
  spike: v >= 10 mV
  reset:
    v := 0 mV
  refractory: pause inclusive
}

.model crossing {
  "an oscillator that spikes at upward crossings; spikes change nothing"
  parameters:
    period = 5 ms > 0
    level = 0.5
  state:
    x = 1
    y = 0
    passed = 0
  step:
    dx/dt = -2*pi*y/period using rk4
    dy/dt = 2*pi*x/period using rk4
  spike: x crosses level
  reset:
    passed := passed + 1
}

.model membrane_of_parts {
  "a membrane on which mechanisms stand"
  parameters:
    C = 1 uF/cm2 > 0
    g_leak = 0.1 mS/cm2
    E = -65 mV
  state:
    V = E
    ca = 1e-4
  inputs:
    I : A/m2
    influx : 1/s
  definitions:
    above = V - E
  step:
    dV/dt = (I - g_leak*(V - E))/C using rk4
    dca/dt = influx - ca/(20 ms) using exponential_euler
}
.mechanism channel {
  "a gated channel, integrated with the membrane"
  parameters:
    g = 0.3 mS/cm2
    E_c = 20 mV
  uses:
    V : V
    above : V
  state:
    m = m_inf
  inputs:
    shift : V
  definitions:
    m_inf = 1/(1 + exp(-(V + shift + 50 mV)/(8 mV)))
    current = g*m^3*(V - E_c)
  step:
    dm/dt = (m_inf - m)/(1 ms + 0.1 ms*above/(1 mV)) using rk4
  adds:
    I += -current
}
.mechanism pump {
  "takes calcium out and counts its current in a second stage"
  parameters:
    rate = 0.2/ms
  uses:
    ca : 1
    current : A/m2
  state:
    total = 0
    seen = 0 mA/cm2
  step:
    dtotal/dt = -total/(30 ms) using exact
  then:
    seen := current
    total := total + ca
  adds:
    influx += -rate*ca/(1 + 1000*held(ca))
    influx += -current/(1 mA/cm2)*1e-3/(1 ms)
    shift += 1 mV*total
}
.mechanism explicit {
  "a current from the potential at the step's start"
  parameters:
    g = 0.05 mS/cm2
  uses:
    V : V
  state:
    q = 0
  step:
    dq/dt = 1/(1 s)
  adds:
    I += -g*(held(V) + 80 mV)*(1 + q)
}
"""

# Ports, and all orders of a step.
SENDERS = """
.model source {
  "fires in steps of its own, by a phase that the noise pushes"
  noise:
    sigma = 0.4
  parameters:
    rate = 0.9/ms
    offset = 0
  state:
    phase = offset
    heard = 0
  step:
    dphase/dt = rate + sigma*sqrt(2/(1 ms))*xi
  spike: phase > 1
  reset:
    phase := phase - 1
  receive:
    phase += weight
    heard += 2*weight
}

.model target {
  "three ports, variables that stand still while refractory, factors with states"
  parameters:
    tau = 5 ms > 0
    pause = 0.85 ms >= 0
  state:
    v = 0 mV
    g = 0
    w = 1 mV
    last = 0 mV
    first = 0 mV
  inputs:
    I : V
  step:
    dv/dt = (I + 20 mV*g - v)/tau unless refractory
    dg/dt = -g/(3 ms) using exact
    dw/dt = (1 mV - w)/tau using cnexp unless refractory
  spike: v > 6 mV and t > 0.25 ms
  reset:
    last := held(v)
    first := held(v) - last + 0.5*v
    v := -1 mV
  refractory: pause
  receive:
    weight : V
    v += weight
    w += 0.25*weight
  receive gate:
    "saturates"
    g += (1 - g)*weight
  receive begun:
    weight : V
    v += (1 - held(v)/(6 mV))*weight
}

.model early {
  "all of a step's events before its equations"
  parameters:
    pause = 0.45 ms >= 0
  state:
    v = 0 mV
    n = 0
  step:
    dv/dt = -v/(2 ms) using exact unless refractory
    n := n + 1
  spike: v > 1.5 mV
  reset:
    v := 0.1*v
  refractory: pause
  receive:
    weight : V
    v += weight
  order: receive, spike, reset, step
}

.model middle {
  "spikes arrive before the equations, and the threshold is tested after them"
  parameters:
    pause = 0.3 ms >= 0
  state:
    v = 0 mV
    seen = 0 mV
  step:
    dv/dt = (1 mV - v)/(2 ms) unless refractory
  spike: v crosses 1.5 mV
  reset:
    seen := held(v)
    v := 0.5*v
  refractory: pause inclusive
  receive:
    weight : V
    v += weight
  order: receive, step, spike, reset
}

.model tardy {
  "the threshold is the last"
  parameters:
    pause = 0.3 ms >= 0
  state:
    v = 0 mV
    w = 0 mV
  step:
    dv/dt = (0.5 mV - v)/(2 ms) unless refractory
    dw/dt = (v - w)/(1 ms)
  spike: v > 1.2 mV
  reset:
    v := 0 mV
    w := w + held(v)
  refractory: pause
  receive:
    weight : V
    v += weight
    w += 0.1*weight
  order: step, receive, spike, reset
}

.model first_spike {
  "spikes are tested first, and others arrive last"
  parameters:
    pause = 0.35 ms >= 0
  state:
    v = 0 mV
  step:
    dv/dt = (2 mV - v)/(1 ms) using implicit unless refractory
  spike: v crosses 1 mV
  reset:
    v := v - 1.2 mV
  refractory: pause inclusive
  receive:
    weight : V
    v += weight
  order: spike, reset, step, receive
}

.mechanism conductance {
  "two ports, one of which scales"
  parameters:
    tau = 2 ms > 0
    strength = 3 mV
  state:
    g = 0
    h = 0
  step:
    dg/dt = -g/tau using exact
    dh/dt = (g - h)/tau using exponential_euler
  receive:
    g += weight
  receive slow:
    h += (2 - g)*weight
  adds:
    I += strength*(g + h)
}
.mechanism late {
  "a current with a delay of its own, which the spikes do not wait for"
  parameters:
    size = 2 mV
  uses:
    v : V
  state:
    g = 0
  step:
    dg/dt = -g/(4 ms) using exact
  receive:
    g += weight
  adds:
    I += size*delayed(g) - 0.05*delayed(v)
}
"""
