"""Spike delivery to synapses with states: handlers follow lists of spikes, and clock-driven equations all connections.

The spikes of a population are stored step by step in a ring buffer of lists, as cells in ascending order. A pathway visits the
steps from which spikes arrive now, the oldest first, and the connections of each spike that have this delay. An index of
connections by the spiking neuron (CSR for outgoing ones, CSC for incoming ones) has them sorted by delay.
"""

from __future__ import annotations

from bioasm.models.base import POST, PRE
from bioasm.vm.codegen.connections import CONNECTION, ENTRY, POST_CELL, PRE_CELL, ConnectionLoop, ConnectionSteps
from bioasm.vm.codegen.frame import BLOCK, CTX, REAL, B, Frame, first_cell, neurons
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.loop import FIRED
from bioasm.vm.codegen.lower import STEP
from bioasm.vm.codegen.plan import Link
from bioasm.vm.codegen.schedule import LANE0, WIDTH, batch_exponentials
from bioasm.vm.codegen.spikes import Spikes
from bioasm.vm.codegen.statements import Do, For, Function, Let, Statement, Store
from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.unroll import unrolled
from bioasm.vm.codegen.values import Value, apply, as_value, field, named, read

_DELAY, _LATE, _SLOT, _COUNT = (named(word, Type.I64) for word in ("delay", "late", "slot", "count"))
_SPIKE, _CELL, _ROW, _LANE = (named(word, Type.I64) for word in ("spike", "cell", "row", "lane"))
_FIRST, _LAST, _SLOTS, _ROOM = (named(word, Type.I64) for word in ("first", "last", "slots", "room"))
_AHEAD = 16  # connections: prefetch distance, about the latency of main memory
_PLACE = named("place", Type.I64, Space.CONNECTION)


def spiked(p: int) -> str:
    """The ring buffer of a population's spike lists."""
    return f"spiked:{p}"


def counted(p: int) -> str:
    """The field with the lengths of a population's spike lists."""
    return f"spikes_of:{p}"


class Connections:
    """Builder of the functions of all synapses of a network, and of their calls in a step."""

    def __init__(self, frame: Frame) -> None:
        self.frame, self.links = frame, [steps.link for steps in frame.wires]

    def add(self) -> None:
        """Add the functions of all synapses."""
        for steps in self.frame.wires:
            for at in range(len(steps.link.handlers)):
                self.frame.functions.append(self._handler(steps, at))
            loop = steps.evolve()
            if loop is not None:
                self.frame.functions.append(over_connections(f"evolve_{_id(steps.link)}", loop))

    # --- calls ----------------------------------------------------------------------------------------

    def list_spikes(self) -> list[Statement]:
        """Spike lists: store the neurons that fired in this step, for populations that a projection reads."""
        heard = sorted({link.population_at(handler.event) for link in self.links for handler in link.handlers})
        return [
            Do("list_spikes", (BLOCK, B, FIRED.onwards(first_cell(p)), STEP, *_lists(p), neurons(p), _slots(p))) for p in heard
        ]

    def evolve(self) -> list[Statement]:
        """The calls that integrate the clock-driven equations of connections."""
        moving = [steps.link for steps in self.frame.wires if steps.synapse.stages]
        return [Do(f"evolve_{_id(link)}", (CTX, REAL, B, STEP)) for link in moving]

    def handle(self, event: str) -> list[Statement]:
        """The calls of the handlers of an event, over all projections: apply the spikes that arrive in this step."""
        return [
            Do(f"on_{_id(link)}_{at}", (CTX, REAL, B, STEP))
            for link in self.links
            for at, handler in enumerate(link.handlers)
            if handler.event == event and not link.is_static  # `Spikes` calls those where spikes arrive at ports
        ]

    # --- functions ------------------------------------------------------------------------------------

    def _handler(self, steps: ConnectionSteps, at: int) -> Function:
        link, handler, loop = steps.link, steps.link.handlers[at], steps.handle(at)
        made = loop.scheduled()
        p, key = link.population_at(handler.event), f"{link.name}:{handler.delay}"
        sorted_by = not link.is_static and (handler.event == POST or handler.delay in link.scattered)
        where = f"begin:{key}" if sorted_by else f"start:{link.name}"
        edges = read("whole", f"edges:{link.name}")
        begin = loop.view(where, Field(p, "i8", "link"), 0, neurons(p) + 1)
        delays = loop.view(f"delays:{key}", Field(p, "i8", "link"), 0, read("whole", f"delays:{key}"))
        listed, count = _list_views(loop, p)
        inner: list[Statement] = [Let(CONNECTION, _PLACE)]
        if sorted_by:
            inner = [Let(CONNECTION, loop.view(f"order:{key}", Field(p, "i4", "link"), 0, edges).item(_PLACE))]
        entry = [] if link.is_static else [Let(ENTRY, CONNECTION * WIDTH + _LANE)]
        turn = [*inner, *entry, *self._ends(link, loop, handler.event)]
        turn += _mutable(loop) + made.turn + self._sending(link, loop)
        soon = _fetched_soon(loop, loop.view(f"order:{key}", Field(p, "i4", "link"), 0, edges)) if sorted_by else []
        range_: list[Statement] = [Let(_FIRST, begin.item(_ROW)), Let(_LAST, begin.item(_ROW + 1))]
        if handler.delay in link.scattered:
            range_ = _narrowed(key, begin, p)
        spikes = [
            Let(_CELL, listed.item(apply("listed_at", _SLOT * _ROOM, _SPIKE))),
            Let(_ROW, apply("//", _CELL, WIDTH)),
            Let(_LANE, _CELL % WIDTH),
        ]
        each = For(_PLACE, _FIRST, _LAST, 1, (*soon, *turn), Space.CONNECTION)
        at_ends = frozenset(str(one.data) for one in (PRE_CELL, POST_CELL))
        over_spikes = For(_SPIKE, as_value(0), _COUNT, 1, (*spikes, *range_, *unrolled(each, turn, at_ends)))
        late = [Let(_LATE, delays.item(_DELAY)), Let(_SLOT, (STEP + _SLOTS - _LATE) % _SLOTS), Let(_COUNT, count.item(_SLOT))]
        over_delays = For(_DELAY, as_value(0), read("whole", f"delays:{key}"), 1, (*late, over_spikes))
        sizes = [Let(_SLOTS, _slots(p)), Let(_ROOM, neurons(p) * WIDTH)]
        before = [*loop.views.values(), *made.before, *made.each_step]
        return Function(f"on_{_id(link)}_{at}", (CTX, REAL, B, STEP), (*sizes, *before, over_delays))

    def _ends(self, link: Link, loop: ConnectionLoop, event: str) -> list[Statement]:
        """The cells at the ends of a connection, one of which spiked."""
        lets: list[Statement] = []
        sends = bool(loop.sent)
        if PRE in loop.reads:
            lets.append(Let(PRE_CELL, _CELL if event == PRE else _end(PRE, link, loop) * WIDTH + _LANE))
        if POST in loop.reads or sends:
            lets.append(Let(POST_CELL, _CELL if event == POST else _end(POST, link, loop) * WIDTH + _LANE))
        return lets

    def _sending(self, link: Link, loop: ConnectionLoop) -> list[Statement]:
        """Deliver an iteration's sent numbers to the port: into the sum of this step, or as separate spikes."""
        if not loop.sent:
            return []
        p, each = link.target.population, _of_connection("weight", link, loop)
        weight = each * loop.view(f"scale:{link.name}", Field(p, "f8", "link"), LANE0, WIDTH).item(_LANE)
        spikes = Spikes(self.frame)
        if spikes.in_order(link.target):
            act = f"spike_{p}_{list(spikes.arrivals(p)).index(link.target)}"
            arguments = (CTX, REAL, B, POST_CELL, as_value(1), STEP)
            return [Do(act, (*arguments, sent * weight)) for sent in loop.sent]
        name = f"arrived:{link.name}"
        arrived = loop.view(name, Field(p, "f8", "slot"), neurons(p) * LANE0, neurons(p) * WIDTH)
        mark = loop.view(f"mark:{name}", Field(p, "i8", "mark"), B, 1)
        found: list[Statement] = [Store(mark, as_value(0), as_value(1))]
        for sent in loop.sent:
            total = apply("fma", sent, weight, arrived.item(POST_CELL))
            found.append(Store(arrived, POST_CELL, total))
        return found


def over_connections(name: str, loop: ConnectionLoop) -> Function:
    """A nested loop over connections and lanes; a flat one over both where it reads no neurons."""
    made, link = loop.scheduled(), loop.synapse.link
    p, edges = link.pre, read("whole", f"edges:{link.name}")
    turn = tuple(batch_exponentials(made.turn))
    if loop.reads:
        begin = loop.view(f"start:{link.name}", Field(p, "i8", "link"), 0, neurons(p) + 1)
        ends = [Let(PRE_CELL, _ROW * WIDTH + _LANE)] if PRE in loop.reads else []
        ends += [Let(POST_CELL, _end(POST, link, loop) * WIDTH + _LANE)] if POST in loop.reads else []
        one = (*([Let(ENTRY, CONNECTION * WIDTH + _LANE)] if loop.by_entry else []), *ends, *turn)
        lanes = For(_LANE, as_value(0), WIDTH, 1, one, by_lane=True)
        row = For(CONNECTION, begin.item(_ROW), begin.item(_ROW + 1), 1, (lanes,), Space.CONNECTION)
        body: Statement = For(_ROW, as_value(0), neurons(p), 1, (row,))
    else:
        body = For(ENTRY, as_value(0), edges * WIDTH, 1, turn, Space.CONNECTION, by_lane=True)
    before = [*loop.views.values(), *made.before, *made.each_step]
    return Function(name, (CTX, REAL, B, STEP), (*before, body))


def _fetched_soon(loop: ConnectionLoop, order: Value) -> list[Statement]:
    """Software prefetch of the record of a later connection: hardware prefetchers can't follow an index."""
    link = loop.synapse.link
    if not link.record:
        return []
    edges, size = read("whole", f"edges:{link.name}"), len(link.record)
    begin = field(link.record[0], link.target.population, "f8", "entry") + edges * LANE0 * (8 * size)
    entry = order.item(apply("min", _PLACE + _AHEAD, _LAST - 1)) * WIDTH + _LANE
    return [Do("prefetch", (loop.fixed(f"records:{link.name}", begin) + entry * (8 * size),))]


def _narrowed(key: str, begin: Value, p: int) -> list[Statement]:
    """The range of a neuron's connections with the present delay."""
    late, size = field(f"late:{key}", p, "i8", "link"), read("whole", f"late_size:{key}")
    start, end = begin.item(_ROW), begin.item(_ROW + 1)
    return [
        Let(_FIRST, apply("first_not_below", late, size, start, end, _LATE)),
        Let(_LAST, apply("first_not_below", late, size, start, end, _LATE + 1)),
    ]


def _mutable(loop: ConnectionLoop) -> list[Statement]:
    return [Let(sent, as_value(0.0), mutable=True) for sent in loop.sent]


def _id(link: Link) -> str:
    assert link.synapse is not None
    return link.synapse.id


def _slots(p: int) -> Value:
    return read("whole", f"slots:{spiked(p)}")


def _lists(p: int) -> tuple[Value, Value]:
    return field(spiked(p), p, "i4", "slot"), field(counted(p), p, "i8", "lists")


def _list_views(loop: ConnectionLoop, p: int) -> tuple[Value, Value]:
    """Locals with the spike lists of the present block, and their lengths."""
    slots = _slots(p)
    listed = loop.view(spiked(p), Field(p, "i4", "slot"), slots * neurons(p) * LANE0, slots * neurons(p) * WIDTH)
    return listed, loop.view(counted(p), Field(p, "i8", "lists"), B * slots, slots)


def _end(end: str, link: Link, loop: ConnectionLoop) -> Value:
    """The neuron at an end of the present connection."""
    return _of_connection("source" if end == PRE else "post", link, loop)


def _of_connection(part: str, link: Link, loop: ConnectionLoop) -> Value:
    """An end or the weight of the present connection, from an array whose item size is known at compile time."""
    address = loop.fixed(f"{part}:{link.name}", field(f"{part}:{link.name}", link.target.population, "i8", "link"))
    size = loop.fixed(f"{part}_size:{link.name}", read("whole", f"{part}_size:{link.name}"))
    return apply("weight_of" if part == "weight" else "neuron_of", address, size, CONNECTION)
