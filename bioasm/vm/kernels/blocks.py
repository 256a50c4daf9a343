"""Exact resampling of a block of spins by forward summation and backward drawing along a path decomposition.

The block's spins are visited in the order of a plan. A table has a weight for each assignment of the spins that were visited
and still have neighbours to come, one slot each; a spin without any is summed out, and for every assignment of the others it is
decided already which value it takes, with the one random number it has. On the way back the values are read off. At T > 0 the
result is a draw from the Boltzmann distribution of the block given all other spins; at T = 0 it is a state of lowest energy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bioasm.vm.jit.calls import carray
from bioasm.vm.jit.entry import compiled
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int64
from bioasm.vm.kernels.dynamics import SIGNATURE
from bioasm.vm.kernels.elementary import exp, log
from bioasm.vm.kernels.random import one_lane_words
from bioasm.vm.kernels.slots import Block, Ctx, Real, Status
from bioasm.vm.kernels.tables import Costs, Weights, make_bond, make_join
from bioasm.vm.kernels.views import block_row, f8, i1, i4, i8, u1, u4
from bioasm.vm.layout import FORCED, IN_WEIGHTS, LEAST_WIDTH, WIDE, WITHIN_BYTES

POSITION, AHEAD, SLOT = 0, 1, 2  # what is known of each spin: its place in the plan, neighbours to come, and its slot
NONE = -1
SMALLEST = 5e-324


class Form(NamedTuple):
    """A form of tables: the entry and the base to begin with, what a cost is in it, what a random word decides by, and the
    two steps of `tables.py`."""

    start: Any
    neutral: Any
    charge: Any
    number: Any
    join: Any
    bond: Any


def make_start(view: Any, first: float) -> Any:
    """The function (table, size) that puts the first entry everywhere."""

    @device
    def start(table, size):
        entries = view(table, 0, size)
        for x in range(size):
            entries[x] = first

    return start


# --- costs in bytes, at T = 0 -------------------------------------------------------------------------


@device
def byte(cost, tau):
    """A cost as a byte; what exceeds it is never paid."""
    return int64(min(cost, 255.0))


@device
def coin(word, tau):
    """The first bit."""
    return int64(word >> 31)


# --- weights in float64, at T > 0 ---------------------------------------------------------------------


@device
def weight(cost, tau):
    """The Boltzmann factor of a cost; that of a clamped spin turned over is 0 at every temperature."""
    return 0.0 if cost >= FORCED else exp(-min(cost / tau, 1000.0))


@device
def uniform(word, tau):
    """The uniform number in (0, 1)."""
    return (float64(word) + 0.5) * 2.0**-32


# --- free energies in float64, where neither is exact -------------------------------------------------


@device
def same(cost, tau):
    """The cost itself."""
    return cost


@device
def margin(word, tau):
    """By how much the second cost may exceed the first and still be taken; at T = 0 a coin decides between equal ones."""
    if tau == 0.0:
        return SMALLEST * (word >> 31)
    u = (float64(word) + 0.5) * 2.0**-32
    return tau * log((1.0 - u) / u)


@device
def joined_free(first, second, tau):
    """-tau ln(exp(-first/tau) + exp(-second/tau)), at tau = 0 the lower one."""
    low, gap = min(first, second), abs(first - second)
    return low if tau == 0.0 or gap > 700.0 * tau else low - tau * log(1.0 + exp(-gap / tau))


@device
def join_free(table, choice, vectors, slot, base, a0, b0, a1, b1, limit, tau):
    """As `make_join` says, entry by entry."""
    entries, bits = f8(table, 0, 8 * vectors), u1(choice, 0, vectors)
    bit, lowest = 1 << slot, 1e308
    for x in range(vectors):
        bits[x] = 0
    for x in range(8 * vectors):
        if x & bit == 0:
            minus, plus = entries[x] - base, entries[x | bit] - base
            for y, first, second in ((x, minus + a0, plus + b0), (x | bit, minus + a1, plus + b1)):
                bits[y >> 3] |= (second - first < limit) << (y & 7)
                entries[y] = joined_free(first, second, tau)
                lowest = min(lowest, entries[y])
    return lowest


@device
def bond_free(table, vectors, one, other, base, antiparallel, cost):
    """As `make_bond` says, entry by entry."""
    entries = f8(table, 0, 8 * vectors)
    for x in range(8 * vectors):
        broken = (x >> one ^ x >> other ^ antiparallel) & 1
        entries[x] += cost * broken - base


join_bytes_of, bond_bytes = make_join(Costs), make_bond(Costs)
join_weights_of, bond_weights = make_join(Weights), make_bond(Weights)


@device
def join_bytes(table, choice, vectors, slot, base, a0, b0, a1, b1, number, tau):
    """`make_join` of bytes, 64 in a vector."""
    return join_bytes_of(table, choice, vectors >> 3, slot, base, a0, b0, a1, b1, number)


@device
def join_weights(table, choice, vectors, slot, base, a0, b0, a1, b1, number, tau):
    """`make_join` of weights."""
    return join_weights_of(table, choice, vectors, slot, base, a0, b0, a1, b1, number)


@device
def bond_of_bytes(table, vectors, one, other, base, antiparallel, cost):
    """`make_bond` of bytes, 64 in a vector."""
    bond_bytes(table, vectors >> 3, one, other, base, antiparallel, cost)


BYTES = Form(make_start(u1, 0), 0, byte, coin, join_bytes, bond_of_bytes)
WEIGHTS = Form(make_start(f8, 1.0), 1.0, weight, uniform, join_weights, bond_weights)
FREE = Form(make_start(f8, 0.0), 0.0, same, margin, join_free, bond_free)


# --- the walk -----------------------------------------------------------------------------------------


@device
def note_plan(ctx, order, known):
    """Give each spin of the block its place, and the number of its neighbours in the block."""
    n, count = ctx[Ctx.N], len(order)
    for i in range(n):
        known[3 * i + POSITION] = NONE
    for k in range(count):
        known[3 * order[k] + POSITION] = k
    start = i8(ctx[Ctx.PLAN_ROW_AT], 0, n + 1)
    column = i4(ctx[Ctx.PLAN_COLUMN_AT], 0, start[n])
    for k in range(count):
        v, ahead = order[k], 0
        for e in range(start[v], start[v + 1]):
            ahead += known[3 * column[e] + POSITION] != NONE
        known[3 * v + AHEAD] = ahead


@device
def meet_neighbours(ctx, v, spin, width, lane, known, gone, bonds, costs):
    """Look at the neighbours of spin v. Those outside the block make its field; those visited are noted in `bonds` and
    `costs`, and in `gone` those that have none to come any more, the first visited first.

    Returns the field, and how many are in each list.
    """
    n = ctx[Ctx.N]
    start = i8(ctx[Ctx.PLAN_ROW_AT], 0, n + 1)
    column, j = i4(ctx[Ctx.PLAN_COLUMN_AT], 0, start[n]), f8(ctx[Ctx.PLAN_J_AT], 0, start[n])
    field, bound, done, here = f8(ctx[Ctx.PLAN_H_AT], 0, n)[v], 0, 0, known[3 * v + POSITION]
    for e in range(start[v], start[v + 1]):
        other = column[e]
        place = known[3 * other + POSITION]
        if place == NONE:
            field += j[e] * spin[other * width + lane]
            continue
        known[3 * other + AHEAD] -= 1
        if place < here:
            bonds[bound], costs[bound] = other, j[e]
            bound += 1
            if known[3 * other + AHEAD] == 0:
                at = done
                while at > 0 and known[3 * gone[at - 1] + POSITION] > place:
                    gone[at] = gone[at - 1]
                    at -= 1
                gone[at] = other
                done += 1
    return field, bound, done


@device
def coupling_to(other, bonds, costs, bound):
    """The coupling to one of the spins that were met."""
    found = 0.0
    for e in range(bound):
        if bonds[e] == other:
            found = costs[e]
    return found


@device
def lowest_free(used):
    """The lowest slot that is not in use, of a word of bits."""
    slot = 0
    while used >> slot & 1:
        slot += 1
    return slot


@device
def draw_all(ctx, lane, words):
    """A random word for each spin, of the lane and the number of the move."""
    n, move = ctx[Ctx.N], ctx[Ctx.PLAN_MOVES]
    key_at = ctx[Ctx.PLAN_KEY_AT] + 4 * lane
    even_at = words.ctypes.data
    odd_at = even_at + 4 * (n + WIDE)
    for i in range(0, n, WIDE):
        one_lane_words(key_at, key_at + 4 * ctx[Ctx.PLACES], i, move >> 1, even_at + 4 * i, odd_at + 4 * i)
    return u4(odd_at if move & 1 else even_at, 0, n)


def make_visit(form: Form) -> Any:
    """The functions that put spin v into the table, in the place of the first that is summed out, and charge a bond of it."""
    charge, number, join, bond, neutral = form.charge, form.number, form.join, form.bond, form.neutral

    @device
    def charged(coupling, field, tau):
        """Costs of the pairs (old, new): (-1, -1), (+1, -1), (-1, +1), (+1, +1)."""
        equal, differ = max(0.0, -coupling), max(0.0, coupling)
        minus, plus = max(0.0, field), max(0.0, -field)
        low = charge(equal + minus, tau), charge(differ + minus, tau)
        return (*low, charge(differ + plus, tau), charge(equal + plus, tau))

    @device
    def visit(table, choice, vectors, base, slot, coupling, field, word, tau):
        a0, b0, a1, b1 = charged(coupling, field, tau)
        return join(table, choice, vectors, slot, base, a0, b0, a1, b1, number(word, tau), tau)

    @device
    def bind(table, vectors, base, slot, other, coupling, tau):
        """Charge the bond to a spin that stays; returns the base after it."""
        bond(table, vectors, slot, other, base, int64(coupling < 0.0), charge(abs(coupling), tau))
        return neutral

    return visit, bind


def make_forward(form: Form) -> Any:
    """The function that visits all spins of a block; returns the number of joins, each a row of `joins`."""
    start, neutral = form.start, form.neutral
    visit, bind = make_visit(form)

    @device
    def put(ctx, v, spin, width, lane, room, base, used, count):
        """Visit spin v: the base, the slots in use and the number of joins after it."""
        known, held, words, table, choice, vectors, tau, joins, gone, bonds, costs = room
        field, bound, done = meet_neighbours(ctx, v, spin, width, lane, known, gone, bonds, costs)
        replacing = int64(done > 0)
        field = FORCED * spin[v * width + lane] if held[v] else field
        slot, coupling, word = lowest_free(used), 0.0, words[v]
        if replacing:
            slot, coupling, word = known[3 * gone[0] + SLOT], coupling_to(gone[0], bonds, costs, bound), words[gone[0]]
        base = visit(table, choice + vectors * count, vectors, base, slot, coupling, field, word, tau)
        joins[2 * count], joins[2 * count + 1] = slot, v
        known[3 * v + SLOT], used, count = slot, used | 1 << slot, count + 1
        for e in range(bound):
            if not replacing or bonds[e] != gone[0]:
                base = bind(table, vectors, base, slot, known[3 * bonds[e] + SLOT], costs[e], tau)
        if known[3 * v + AHEAD] == 0:
            gone[done] = v
            done += 1
        for k in range(replacing, done):
            slot = known[3 * gone[k] + SLOT]
            base = visit(table, choice + vectors * count, vectors, base, slot, 0.0, 0.0, words[gone[k]], tau)
            joins[2 * count], joins[2 * count + 1] = slot, NONE
            used, count = used & ~(1 << slot), count + 1
        return base, used, count

    @device
    def forward(ctx, order, spin, width, lane, room):
        table, vectors = room[3], room[5]
        start(table, 8 * vectors)
        base, used, count = neutral, 0, 0
        for k in range(len(order)):
            base, used, count = put(ctx, order[k], spin, width, lane, room, base, used, count)
        return count

    return forward


@device
def backward(choice, vectors, spin, width, lane, joins, count):
    """Read the spins off the choices, the last join first."""
    x = 0
    for at in range(count - 1, -1, -1):
        slot, v = joins[2 * at], joins[2 * at + 1]
        if v != NONE:
            spin[v * width + lane] = 2 * (x >> slot & 1) - 1
        taken = u1(choice, vectors * at, vectors)[x >> 3] >> (x & 7) & 1
        x = x & ~(1 << slot) | taken << slot


@device
def form_of(ctx, real, tau):
    """Which form of tables is exact: 0 bytes, 1 weights, 2 free energies."""
    spread = real[Real.PLAN_SPREAD]
    if tau == 0.0:
        return 0 if ctx[Ctx.PLAN_WHOLE] == 1 and spread < WITHIN_BYTES else 2
    return 1 if spread < IN_WEIGHTS * tau else 2


def make_blocks() -> Any:
    """The C function (ctx, real, b) that resamples the spins of PLAN_ORDER in all lanes of block b."""
    in_bytes, in_weights, in_free = (make_forward(form) for form in (BYTES, WEIGHTS, FREE))
    table_of_ctx, reals = len(Ctx), len(Real)

    @device
    def resample(ctx, real, spin, width, lane, place):
        n, count = ctx[Ctx.N], ctx[Ctx.PLAN_COUNT]
        order, known = i4(ctx[Ctx.PLAN_ORDER_AT], 0, count), i4(ctx[Ctx.PLAN_KNOWN_AT], 0, 3 * n)
        gone, bonds = i4(ctx[Ctx.PLAN_MET_AT], 0, n + 1), i4(ctx[Ctx.PLAN_MET_AT], n + 1, n + 1)
        costs, joins = f8(ctx[Ctx.PLAN_COST_AT], 0, n + 1), i4(ctx[Ctx.PLAN_JOIN_AT], 0, 4 * count)
        held, words = u1(ctx[Ctx.HOLD_AT], 0, n), draw_all(ctx, place, u4(ctx[Ctx.PLAN_WORD_AT], 0, 2 * (n + WIDE)))
        note_plan(ctx, order, known)
        level = f8(ctx[Ctx.LEVEL_AT], 0, ctx[Ctx.PLACES])[place] if ctx[Ctx.BY_LANE] == 1 else real[Real.NOISE]
        tau, vectors = level / (2.0 * real[Real.SCALE]), 1 << (max(ctx[Ctx.PLAN_WIDTH], LEAST_WIDTH) - 3)
        choice, form = ctx[Ctx.PLAN_CHOICE_AT], form_of(ctx, real, tau)
        room = (known, held, words, ctx[Ctx.PLAN_TABLE_AT], choice, vectors, tau, joins, gone, bonds, costs)
        if form == 0:
            joined = in_bytes(ctx, order, spin, width, lane, room)
        elif form == 1:
            joined = in_weights(ctx, order, spin, width, lane, room)
        else:
            joined = in_free(ctx, order, spin, width, lane, room)
        backward(choice, vectors, spin, width, lane, joins, joined)

    def blocks_entry(ctx_at, real_at, b):
        ctx, real = carray(ctx_at, table_of_ctx), carray(real_at, reals)
        block, n = block_row(ctx, b), ctx[Ctx.N]
        lane0, width = block[Block.LANE0], block[Block.WIDTH]
        spin = i1(ctx[Ctx.SPIN_AT], n * lane0, n * width)
        for lane in range(block[Block.LANES]):
            resample(ctx, real, spin, width, lane, lane0 + lane)
        return int64(Status.DONE)

    return compiled(blocks_entry, SIGNATURE)
