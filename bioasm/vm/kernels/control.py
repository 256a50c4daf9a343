"""The compiled loop that executes a program: registers, jumps, runs and outputs; the rest is handed to the host.

It knows no model: steps, energies and variables are asked of the kernel of the dynamics, by the address that stands in `ctx`.
So it is compiled once, whatever the programs compute.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bioasm.isa.table import OPCODES
from bioasm.vm.jit.calls import carray
from bioasm.vm.jit.entry import compiled
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int64
from bioasm.vm.kernels.dynamics import SIGNATURE, call_dynamics
from bioasm.vm.kernels.elementary import full_exp, log, power
from bioasm.vm.kernels.microcode import emit, perform
from bioasm.vm.kernels.slots import Block, Ctx, Fault, Real, Scalar, Status
from bioasm.vm.kernels.views import block_row, f8, i8
from bioasm.vm.layout import MICRO, OF_POPULATION, PEEK_MEAN, REFRESH

_WHOLE_STEP = 1e-4  # a time this close to a step boundary, in steps, is that boundary

ALU_FIRST, ALU_LAST = OPCODES["MOV"], OPCODES["FLOOR"]
MOV, ADD, SUB, MUL, DIV = (OPCODES[m] for m in ("MOV", "ADD", "SUB", "MUL", "DIV"))
MIN, MAX, POW, MOD, NEG = (OPCODES[m] for m in ("MIN", "MAX", "POW", "MOD", "NEG"))
ABS, SQRT, EXP, LOG, FLOOR = (OPCODES[m] for m in ("ABS", "SQRT", "EXP", "LOG", "FLOOR"))
JMP, JEQ, JNE, JLT, JLE, JGT, JGE = (OPCODES[m] for m in ("JMP", "JEQ", "JNE", "JLT", "JLE", "JGT", "JGE"))
LOOP, GET, PEEK, OUT, HLT = (OPCODES[m] for m in ("LOOP", "GET", "PEEK", "OUT", "HLT"))
SIG, RUN, LDO = (OPCODES[m] for m in ("SIG", "RUN", "LDO"))


@device
def arithmetic(op, a, b):
    """The result of a register instruction."""
    if op == MOV:
        return a
    if op == ADD:
        return a + b
    if op == SUB:
        return a - b
    if op == MUL:
        return a * b
    if op == DIV:
        return a / b
    if op == MIN:
        return a if a < b or a != a else b  # NaN from either side
    if op == MAX:
        return a if a > b or a != a else b
    if op == POW:
        return power(a, b)
    if op == MOD:
        return a % b if b != 0.0 else math.nan
    if op == NEG:
        return -a
    if op == ABS:
        return abs(a)
    if op == SQRT:
        return math.sqrt(a) if a >= 0.0 else math.nan
    if op == EXP:
        return full_exp(a)
    if op == LOG:
        return log(a)
    return np.floor(a)  # math.floor would make an int64 of it


@device
def holds(op, a, b):
    """Whether a conditional jump is taken."""
    if op == JEQ:
        return a == b
    if op == JNE:
        return a != b
    if op == JLT:
        return a < b
    if op == JLE:
        return a <= b
    if op == JGT:
        return a > b
    return a >= b


@device
def end_of_run(clock, dt):
    """The number of steps until `clock`: the first step boundary that is not before it."""
    nearest = math.floor(clock / dt + 0.5)
    if abs(nearest * dt - clock) / dt <= _WHOLE_STEP:
        return int64(nearest)
    return int64(math.ceil(clock / dt))


@device
def begin_run(ctx, real, duration):
    """Set where the run ends; a Fault or 0."""
    if not (duration >= 0.0 and duration < math.inf):
        return int64(Fault.DURATION)
    clock = real[Real.CLOCK] + duration
    if clock / real[Real.DT] > ctx[Ctx.MAX_STEPS]:
        return int64(Fault.STEPS)
    real[Real.CLOCK] = clock
    ctx[Ctx.RUN_END] = max(end_of_run(clock, real[Real.DT]), ctx[Ctx.STEP])
    ctx[Ctx.RUNNING] = 1
    return int64(0)


@device
def lowest(ctx, at):
    """The lowest of a lane's numbers over all lanes."""
    result = math.inf
    for b in range(ctx[Ctx.BLOCKS]):
        block = block_row(ctx, b)
        for value in f8(ctx[at], block[Block.LANE0], block[Block.LANES]):
            result = min(result, value)
    return result


@device
def spikes_of(ctx, first, n):
    """Spikes of `n` neurons from `first` on, in all lanes, so far."""
    total = 0
    for b in range(ctx[Ctx.BLOCKS]):
        block = block_row(ctx, b)
        width = block[Block.WIDTH]
        count = i8(ctx[Ctx.SPIKE_COUNT_AT], ctx[Ctx.N] * block[Block.LANE0] + first * width, n * width)
        for k in range(len(count)):
            if k % width < block[Block.LANES]:
                total += count[k]
    return total


@device
def scalar(ctx, real, what):
    """The number that GET reads."""
    if what == Scalar.ENERGY:
        call_dynamics(ctx, real, REFRESH)
        return lowest(ctx, Ctx.ENERGY_AT) + real[Real.OFFSET]
    if what == Scalar.BEST_ENERGY:
        call_dynamics(ctx, real, REFRESH)
        best = lowest(ctx, Ctx.BEST_ENERGY_AT)
        return best + real[Real.OFFSET] if best < math.inf else math.nan
    if what == Scalar.TIME:
        return ctx[Ctx.STEP] * real[Real.DT]
    if what == Scalar.STEPS:
        return float64(ctx[Ctx.STEP])
    if what == Scalar.NOISE:
        return real[Real.NOISE]
    if what >= OF_POPULATION:
        row = i8(ctx[Ctx.POPULATION_AT] + 16 * (what - OF_POPULATION), 0, 2)
        return float64(spikes_of(ctx, row[0], row[1]))
    return float64(spikes_of(ctx, 0, ctx[Ctx.N]))


@device
def advance_blocks(ctx, real):
    """All blocks to TARGET; DONE or the first other status."""
    for b in range(ctx[Ctx.BLOCKS]):
        status = call_dynamics(ctx, real, b)
        if status != Status.DONE:
            return status
    return int64(Status.DONE)


@device
def aligned(ctx):
    """Whether all blocks are at TARGET."""
    done = True
    for b in range(ctx[Ctx.BLOCKS]):
        done = done and block_row(ctx, b)[Block.STEP] >= ctx[Ctx.TARGET]
    return done


@device
def go_on(ctx, real):
    """A piece of the present run; DONE where the run is at its end."""
    if ctx[Ctx.TARGET] <= ctx[Ctx.STEP]:
        piece = min(ctx[Ctx.RUN_END] - ctx[Ctx.STEP], min(ctx[Ctx.BUDGET], ctx[Ctx.FUEL]))
        ctx[Ctx.TARGET] = ctx[Ctx.STEP] + piece
    if not aligned(ctx):
        if ctx[Ctx.PARALLEL] == 1:
            return int64(Status.PARALLEL)
        status = advance_blocks(ctx, real)
        if status != Status.DONE:
            return status
    done = ctx[Ctx.TARGET] - ctx[Ctx.STEP]
    ctx[Ctx.BUDGET] -= done
    ctx[Ctx.FUEL] -= done
    ctx[Ctx.STEP] = ctx[Ctx.TARGET]
    if ctx[Ctx.STEP] < ctx[Ctx.RUN_END]:
        return int64(Status.FUEL) if ctx[Ctx.FUEL] <= 0 else int64(Status.SLICE)
    ctx[Ctx.RUNNING] = 0
    ctx[Ctx.PC] += 1
    return int64(Status.DONE)


@device
def fault(ctx, what):
    """Come back because of a wrong value."""
    ctx[Ctx.FAULT] = what
    return int64(Status.FAULT)


@device
def neurons_instruction(ctx, real, op, value, a, b, c):
    """SIG, LDO, RUN, GET, PEEK: a Fault, or 0."""
    if op == SIG:
        if not (value[a] >= 0.0 and value[a] < math.inf):
            return int64(Fault.NOISE)
        real[Real.NOISE] = value[a]
        real[Real.NOISE_SET] = 1.0
    elif op == LDO:
        if not abs(value[a]) < math.inf:
            return int64(Fault.OFFSET)
        real[Real.OFFSET] = value[a]
    elif op == RUN:
        if ctx[Ctx.DIRTY] == 1:
            call_dynamics(ctx, real, REFRESH)
        return begin_run(ctx, real, value[a])
    elif op == GET:
        value[a] = scalar(ctx, real, b)
    else:
        at = value[c]
        if not (at >= 0.0 and at < i8(ctx[Ctx.VARIABLE_N_AT], 0, b + 1)[b] and at == math.floor(at)):
            return int64(Fault.INDEX)
        ctx[Ctx.PEEKED_VARIABLE], ctx[Ctx.PEEKED_NEURON] = b, int64(at)
        call_dynamics(ctx, real, PEEK_MEAN)
        value[a] = real[Real.PEEKED]
    return int64(0)


@device
def machine(ctx, real):
    """Run the program until it needs the host; returns a Status."""
    code = i8(ctx[Ctx.CODE_AT], 0, 4 * ctx[Ctx.CODE_LENGTH])
    value = f8(ctx[Ctx.VALUES_AT], 0, 1 << 30)
    while True:
        if ctx[Ctx.RUNNING] == 1:
            status = go_on(ctx, real)
            if status != Status.DONE:
                return status
        pc = ctx[Ctx.PC]
        if pc >= ctx[Ctx.CODE_LENGTH]:
            return int64(Status.HALT)
        if ctx[Ctx.FUEL] <= 0:
            return int64(Status.FUEL)
        if ctx[Ctx.BUDGET] <= 0:
            return int64(Status.SLICE)
        op, a, b, c = code[4 * pc], code[4 * pc + 1], code[4 * pc + 2], code[4 * pc + 3]
        following = pc + 1
        if ALU_FIRST <= op <= ALU_LAST:
            value[a] = arithmetic(op, value[b], value[c])
        elif JEQ <= op <= JGE:
            following = c if holds(op, value[a], value[b]) else following
        elif op == JMP:
            following = a
        elif op == LOOP:
            value[a] -= 1.0
            following = b if value[a] > 0.0 else following
        elif op == OUT:
            if ctx[Ctx.OUT_COUNT] >= ctx[Ctx.OUT_CAPACITY]:
                return int64(Status.DRAIN)
            emit(ctx, value[a])
        elif op == HLT:
            return int64(Status.HALT)
        elif op in (SIG, LDO, RUN, GET, PEEK):
            wrong = neurons_instruction(ctx, real, op, value, a, b, c)
            if wrong != 0:
                return fault(ctx, wrong)
            following = pc if op == RUN else following
        elif op == MICRO:
            status = perform(ctx, real, a, b)
            if status != Status.DONE:
                return status
        else:
            return int64(Status.HOST)
        ctx[Ctx.FUEL] -= 1
        ctx[Ctx.BUDGET] -= 1
        ctx[Ctx.PC] = following


def make_loop() -> Any:
    """The C function (ctx, real, 0) that runs the program until it needs the host."""
    table, reals = len(Ctx), len(Real)

    def loop_entry(ctx_at, real_at, _):
        return machine(carray(ctx_at, table), carray(real_at, reals))

    return compiled(loop_entry, SIGNATURE)
