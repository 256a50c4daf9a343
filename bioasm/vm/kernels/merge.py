"""Merging of spins: a lane's best state takes over each connected component of its difference from another state that pays.

Where two states differ, the couplings cut the differing spins into connected components. Flipping one component changes the
energy by an amount that does not depend on the others, so that the best of all 2^k combinations of the two states is found
component by component: breadth-first search over the rows of J (CSR, or a dense matrix) and over higher-order terms.
"""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.entry import compiled
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int32, int64
from bioasm.vm.kernels.dynamics import SIGNATURE
from bioasm.vm.kernels.product import BYTES, STORAGE
from bioasm.vm.kernels.random import one_lane_words
from bioasm.vm.kernels.slots import Block, Ctx, Real, Status
from bioasm.vm.kernels.views import block_row, f8, i1, i4, i8, u4, u8
from bioasm.vm.layout import DRAWN

SAME, UNSEEN = 0, 1  # labels of spins; components are numbered from 2


@device
def coin(ctx, b, lane, vertex, step):
    """A random bit of the lane, the lowest spin of a component, and the step."""
    even_at = ctx[Ctx.DRAWN_AT] + 8 * DRAWN * b
    odd_at = even_at + 4 * DRAWN
    key_at = ctx[Ctx.MERGE_KEY_AT] + 4 * lane
    one_lane_words(key_at, key_at + 4 * ctx[Ctx.PLACES], vertex, step >> 1, even_at, odd_at)
    return u4(odd_at if step & 1 else even_at, 0, 1)[0] >> 31


@device
def label_difference(best, other, label, n, width, lane, sign):
    """Label the spins in which `best` differs from sign * `other`; returns how many they are."""
    count = 0
    for i in range(n):
        differs = best[i * width + lane] != sign * other[i * width + lane]
        label[i] = UNSEEN if differs else SAME
        count += differs
    return count


def make_row(storage: str, whole: bool) -> Any:
    """The function that meets the neighbours of a spin in J: marks those that differ as members of the component, and sums up
    best spin times coupling over those that do not."""
    if storage == "none":
        return no_row
    form, kind = storage.split("-")
    item, total = STORAGE[kind], (int64 if whole else float64)
    size = BYTES[kind]

    @device
    def meet(j, value, best, label, queue, end, mark, width, lane):
        """One neighbour: the end of the queue after it, and its share of the sum."""
        if label[j] == SAME:
            return end, total(value) * best[j * width + lane]
        if label[j] == UNSEEN:
            label[j] = mark
            queue[end] = j
            return end + 1, total(0)
        return end, total(0)

    @device
    def dense_row(ctx, i, best, label, queue, end, mark, n, width, lane):
        row, around = carray(pointer(ctx[Ctx.J_AT] + i * n * size, item), n), total(0)
        for j in range(n):
            if row[j] != 0:
                end, share = meet(j, row[j], best, label, queue, end, mark, width, lane)
                around += share
        return end, around

    @device
    def sparse_row(ctx, i, best, label, queue, end, mark, n, width, lane):
        start = u8(ctx[Ctx.J_ROW_AT], 0, n + 1)
        column, value = u4(ctx[Ctx.J_COLUMN_AT], 0, start[n]), carray(pointer(ctx[Ctx.J_AT], item), start[n])
        around = total(0)
        for e in range(start[i], start[i + 1]):
            end, share = meet(column[e], value[e], best, label, queue, end, mark, width, lane)
            around += share
        return end, around

    return dense_row if form == "dense" else sparse_row


@device
def no_row(ctx, i, best, label, queue, end, mark, n, width, lane):
    """Without J a spin has no neighbours in it."""
    return end, 0


def make_terms(whole: bool) -> tuple[Any, Any]:
    """The functions for terms of higher order: their spins are neighbours, and a component's share of their energy."""
    item, total = (int32, int64) if whole else (float64, float64)

    @device
    def meet_terms(ctx, i, label, queue, end, mark, n):
        """Mark the differing spins that share a term with spin i; the end of the queue after them."""
        of_start = i8(ctx[Ctx.OF_START_AT], 0, n + 1)
        of, terms = i4(ctx[Ctx.OF_TERM_AT], 0, of_start[n]), ctx[Ctx.TERMS]
        start = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
        index = i4(ctx[Ctx.TERM_INDEX_AT], 0, start[terms])
        for e in range(of_start[i], of_start[i + 1]):
            for a in range(start[of[e]], start[of[e] + 1]):
                if label[index[a]] == UNSEEN:
                    label[index[a]] = mark
                    queue[end] = index[a]
                    end += 1
        return end

    @device
    def odd_terms(ctx, i, best, label, mark, n, width, lane):
        """Weight times product over the terms of which the component has an odd number of spins, i the first of them."""
        of_start = i8(ctx[Ctx.OF_START_AT], 0, n + 1)
        of, terms = i4(ctx[Ctx.OF_TERM_AT], 0, of_start[n]), ctx[Ctx.TERMS]
        start = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
        index = i4(ctx[Ctx.TERM_INDEX_AT], 0, start[terms])
        weight = carray(pointer(ctx[Ctx.TERM_VALUE_AT], item), terms)
        found = total(0)
        for e in range(of_start[i], of_start[i + 1]):
            members, first, product = 0, -1, 1
            for a in range(start[of[e]], start[of[e] + 1]):
                product *= best[index[a] * width + lane]
                if label[index[a]] == mark:
                    first = index[a] if first < 0 else first
                    members += 1
            if first == i and members & 1:
                found += weight[of[e]] * product
        return found

    return meet_terms, odd_terms


def make_component(storage: str, whole: bool) -> Any:
    """The function that searches one connected component of the differing spins, breadth first."""
    item, total = (int32, int64) if whole else (float64, float64)
    row, (meet_terms, odd_terms) = make_row(storage, whole), make_terms(whole)

    @device
    def component(ctx, seed, mark, best, label, queue, n, width, lane):
        """The component's size, and half the change of energy if it is flipped; its spins are in the queue."""
        h = carray(pointer(ctx[Ctx.H_AT], item), n)
        label[seed], queue[0] = mark, seed
        at, end, half = 0, 1, total(0)
        while at < end:
            i = queue[at]
            end, around = row(ctx, i, best, label, queue, end, mark, n, width, lane)
            half += best[i * width + lane] * (around + h[i])
            if ctx[Ctx.TERMS] > 0:
                end = meet_terms(ctx, i, label, queue, end, mark, n)
            at += 1
        if ctx[Ctx.TERMS] > 0:
            for k in range(end):
                half += odd_terms(ctx, queue[k], best, label, mark, n, width, lane)
        return end, half

    return component


def make_merge_lane(storage: str, whole: bool) -> Any:
    """The function that merges another state into the best one of a lane."""
    total, component = int64 if whole else float64, make_component(storage, whole)

    @device
    def take_over(ctx, b, best, other, label, queue, step, n, width, lane, lane0, sign):
        """Flip in `best` what lowers its energy, or by a coin what leaves it; half the change of energy."""
        change, mark = total(0), 2
        for i in range(n):
            if label[i] == UNSEEN:
                size, half = component(ctx, i, mark, best, label, queue, n, width, lane)
                if half < 0 or (half == 0 and coin(ctx, b, lane0 + lane, i, step) == 1):
                    change += half
                    for k in range(size):
                        best[queue[k] * width + lane] = sign * other[queue[k] * width + lane]
                mark += 1
        return change

    @device
    def merge_lane(ctx, b, best, other, label, queue, step, n, width, lane, lane0):
        """`take_over` from the other state, from its mirror image, or from both, as MERGE_SIGN asks; half the change."""
        change = total(0)
        for sign in (1, -1):
            count = label_difference(best, other, label, n, width, lane, sign)
            nearer = 2 * count <= n if sign == 1 else 2 * count < n
            wanted = sign == 1 if ctx[Ctx.MERGE_SIGN] == 0 else nearer or ctx[Ctx.MERGE_SIGN] == 2
            if wanted and count > 0:
                change += take_over(ctx, b, best, other, label, queue, step, n, width, lane, lane0, sign)
        return change

    return merge_lane


def make_merge(storage: str, whole: bool) -> Any:
    """The C function (ctx, real, b): merges OTHER into the best states of block b, and lets its spins go on from them."""
    merge_lane, table, reals = make_merge_lane(storage, whole), len(Ctx), len(Real)

    def merge_entry(ctx_at, real_at, b):
        ctx, real = carray(ctx_at, table), carray(real_at, reals)
        block, n, step = block_row(ctx, b), ctx[Ctx.N], ctx[Ctx.STEP]
        lane0, width = block[Block.LANE0], block[Block.WIDTH]
        best, other = i1(ctx[Ctx.BEST_AT], n * lane0, n * width), i1(ctx[Ctx.MERGE_OTHER_AT], n * lane0, n * width)
        spin, energy = i1(ctx[Ctx.SPIN_AT], n * lane0, n * width), f8(ctx[Ctx.BEST_ENERGY_AT], lane0, width)
        label, queue = i4(ctx[Ctx.MERGE_LABEL_AT], n * b, n), i4(ctx[Ctx.MERGE_QUEUE_AT], n * b, n)
        for lane in range(block[Block.LANES]):
            half = merge_lane(ctx, b, best, other, label, queue, step, n, width, lane, lane0)
            energy[lane] += 2.0 * real[Real.SCALE] * half
        for k in range(n * width):
            spin[k] = best[k]
        return int64(Status.DONE)

    return compiled(merge_entry, SIGNATURE)
