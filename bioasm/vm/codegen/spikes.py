"""Code of spike delivery: into ring buffers or counts, and from these to ports.

Weights that arrive at a port in one step are summed. Where a port's spikes interact, they act in sequence instead: ring buffers
then store which neurons fired, and external events are counted. Ring buffers of projections whose weight may change while
spikes are in flight store the same, so that a spike has the weight of the step in which it arrives; weights are summed there.
"""

from __future__ import annotations

from functools import reduce

from bioasm.vm.codegen.frame import BLOCK, CTX, REAL, B, Frame, cells, first_cell, neurons
from bioasm.vm.codegen.loop import FIRED
from bioasm.vm.codegen.lower import STEP
from bioasm.vm.codegen.plan import Link, Target
from bioasm.vm.codegen.schedule import LANE0, WIDTH, K
from bioasm.vm.codegen.statements import Do, For, If, Let, Statement, Store
from bioasm.vm.codegen.steps import WEIGHT
from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.values import Value, apply, as_value, field, made_of, named, read

_E, _START, _SENT = named("e", Type.I64), named("start", Type.I8), named("sent", Type.U1)
_COUNTED, _WEIGHT = named("counted", Type.F8), named("weights", Type.F8)
_EACH, _SCALE = named("each", Type.I64), named("scale", Type.F8)
_CONNECTIONS = [named(word, Type.I64) for word in ("post_at", "weight_at", "post_size", "weight_size")]


class Spikes:
    """Builder of the statements of all ports and projections of a network."""

    def __init__(self, frame: Frame) -> None:
        self.frame, self.plan = frame, frame.plan

    def in_order(self, target: Target) -> bool:
        """Whether the spikes that arrive at a port in one step act in sequence, not as a sum."""
        return self.frame.steps[target.population].in_order(target.owner, target.port)

    def arrivals(self, p: int) -> dict[Target, list[str]]:
        """The ports of a population and its mechanisms that receive spikes, with their fields of arriving weights."""
        ports = [Target(p, i.id, port.name) for i in self.plan.systems[p].instances for port in i.model.ports]
        return {port: self._arriving[port] for port in ports if port in self._arriving}

    @property
    def _arriving(self) -> dict[Target, list[str]]:
        """The fields of arriving weights of all ports, found once for a frame."""
        found = self.frame.arriving
        if not found:
            for target in self.plan.events:
                found.setdefault(target, []).extend(self._from_outside(target))
            for link in self.plan.links:
                for name in self._from_projection(link):
                    found.setdefault(link.target, []).append(name)
        return found

    def _from_projection(self, link: Link) -> list[str]:
        """The fields of arriving weights of a projection; none for a synapse that sends nothing."""
        if link.synapse is None:
            return [f"{'arrived' if self.adds_late(link) else 'ring'}:{link.name}"]
        return [f"arrived:{link.name}"] if link.synapse.model.sends else []

    def adds_late(self, link: Link) -> bool:
        """Whether the weights of a projection are summed on arrival of its spikes, not on emission."""
        return link.synapse is None and link.reweighted and not self.in_order(link.target)

    def add_ports(self, p: int) -> None:
        """Add the functions of a population's ports."""
        steps = self.frame.steps[p]
        for at, (target, arriving) in enumerate(self.arrivals(p).items()):
            if self.in_order(target):
                self.frame.add_loop(f"spike_{p}_{at}", p, steps.receive_spike(target.owner, target.port), more=(WEIGHT,))
            else:
                self.frame.add_loop(f"receive_{p}_{at}", p, steps.receive(target.owner, target.port, arriving))

    def receive(self, p: int) -> list[Statement]:
        """Apply a model's `receive` section to the weights that arrive at a population's ports in this step, if any."""
        links = [link for link in self.plan.links if link.target.population == p]
        body: list[Statement] = [self._arrive(link) for link in links if self.adds_late(link)]
        body += [_sent(link) for link in links if _has_own_delays(link) and not self.in_order(link.target)]
        for at, (target, arriving) in enumerate(self.arrivals(p).items()):
            if self.in_order(target):
                body += [act for name in arriving for act in self._one_by_one(target, at, name)]
            else:
                body.append(_if_marked(p, arriving, [Do(f"receive_{p}_{at}", (CTX, REAL, B, as_value(0), cells(p), STEP))]))
        return body

    def _one_by_one(self, target: Target, at: int, name: str) -> list[Statement]:
        """Apply the spikes of one source that arrive in this step in sequence, if there are any."""
        p = target.population
        if name.startswith("arrived:"):  # synapses with states have delivered theirs already
            return [_sent(link) for link in self.plan.links if f"arrived:{link.name}" == name and link.is_static]
        if name.startswith("ring:"):
            link = next(link for link in self.plan.links if f"ring:{link.name}" == name)
            return [_if_marked(p, [name], _projected(link, f"spike_{p}_{at}"))]
        weight = "rate_jump" if name in self._from_outside(target)[1:] else "jump"
        return [_if_marked(p, [name], _repeated(target, name, f"{weight}:{target.name}", f"spike_{p}_{at}"))]

    def _from_outside(self, target: Target) -> list[str]:
        """The fields of external spikes: one sum of weights, or counts of given and of Poisson spikes."""
        own = f"events:{target.name}"
        return [own, f"{own}:random"] if self.in_order(target) else [own]

    def deliver(self, link: Link) -> Do:
        """Add a projection's weights to its ring buffer; where weights are read on arrival, store the neurons that fired."""
        p, ring = link.target.population, f"ring:{link.name}"
        kept = self.in_order(link.target) or self.adds_late(link)
        held = field(ring, link.pre, "u1", "slot") if kept else field(ring, p, "f8", "slot")
        fields = [*([] if kept else _connections(link)), held, field(f"mark:{ring}", p, "i8", "mark")]
        sizes = [neurons(link.pre)] if kept else [*_sizes(link), neurons(link.pre), neurons(p)]
        sizes += [read("whole", f"slots:{ring}"), read("whole", f"delay:{link.name}")]
        function = "depart" if kept else "deliver"
        return Do(function, (BLOCK, B, FIRED.onwards(first_cell(link.pre)), STEP, *fields, *sizes))

    def _arrive(self, link: Link) -> Do:
        """Sum the present weights of a projection's arriving spikes."""
        p, ring, arrived = link.target.population, f"ring:{link.name}", f"arrived:{link.name}"
        fields = [*_connections(link), field(ring, link.pre, "u1", "slot"), field(f"mark:{ring}", p, "i8", "mark")]
        fields += [field(arrived, p, "f8", "slot"), field(f"mark:{arrived}", p, "i8", "mark")]
        sizes = [*_sizes(link), neurons(link.pre), neurons(p), read("whole", f"slots:{ring}")]
        return Do("arrive", (BLOCK, B, STEP, *fields, *sizes))

    def take_events(self, target: Target) -> Do:
        """Take the external spikes that are due."""
        p, name, in_order = target.population, target.name, self.in_order(target)
        jump, rate_jump = ("one", "one") if in_order else ("jump", "rate_jump")
        kinds = [("step", "i8"), ("neuron", "i8"), (jump, "f8"), ("position", "i8")]
        kinds += [("count_first", "i8"), ("count_end", "i8"), ("count_top", "i8"), ("count_limit", "u4"), (rate_jump, "f8")]
        kinds += [("key0", "u4"), ("key1", "u4"), ("word", "u4"), ("pair", "i8")]
        fields = [field(f"{part}:{name}", p, dtype, "event") for part, dtype in kinds]
        for arriving in self._from_outside(target):
            fields += [field(arriving, p, "f8", "slot"), field(f"mark:{arriving}", p, "i8", "mark")]
        sizes = [*(read("whole", f"{number}:{name}") for number in ("length", "alike", "rates", "own")), neurons(p)]
        return Do("count_events" if in_order else "take_events", (BLOCK, B, STEP, *fields, *sizes))


def next_event(target: Target) -> Value:
    """The step at which the next external spike may arrive at a port."""
    p, name = target.population, target.name
    fields = [field(f"{part}:{name}", p, "i8", "event") for part in ("step", "position")]
    return apply("next_event", B, *fields, read("whole", f"length:{name}"), read("whole", f"rates:{name}"))


def _has_own_delays(link: Link) -> bool:
    """Whether connections without states have delays of their own."""
    return link.is_static and link.synapse is not None


def _sent(link: Link) -> Do:
    """Deliver the spikes that are due on connections with delays of their own."""
    assert link.synapse is not None
    return Do(f"on_{link.synapse.id}_0", (CTX, REAL, B, STEP))


def _if_marked(p: int, arriving: list[str], then: list[Statement]) -> If:
    """A branch for steps in which spikes arrive from a ring buffer or from outside; it clears their marks."""
    flags = []
    for name in arriving:
        slots = read("whole", f"slots:{name}")
        flags.append((apply("marks", field(f"mark:{name}", p, "i8", "mark"), B, slots), STEP % slots))
    some = reduce(lambda one, other: one | other, [marks.item(slot).differs(0) for marks, slot in flags])
    return If(some, (*(Store(marks, slot, as_value(0)) for marks, slot in flags), *then))


def _connections(link: Link) -> list[Value]:
    """A projection's connections in CSR form: row starts, targets and weights; and the factors of weights in each lane."""
    parts = ("start", "post", "weight", "scale")
    return [field(f"{part}:{link.name}", link.target.population, "i8", "link") for part in parts]


def _sizes(link: Link) -> list[Value]:
    """The item sizes of targets and of weights, in bytes."""
    return [read("whole", f"{part}_size:{link.name}") for part in ("post", "weight")]


def _view(kind: Type, address: Value, first: Value | int, count: Value) -> Value:
    return made_of("view", kind, (address, as_value(first), count))


def _repeated(target: Target, name: str, weight: str, act: str) -> list[Statement]:
    """Apply the counted spikes of each cell in sequence, with one weight a neuron or a cell."""
    p, own = target.population, read("whole", f"own:{target.name}")
    each = WIDTH - own * (WIDTH - 1)
    spike = Do(act, (CTX, REAL, B, K, as_value(1), STEP, _WEIGHT.item(apply("//", K, _EACH))))
    times = For(_E, as_value(0), apply("truncated", _COUNTED.item(K)), 1, (spike,))
    return [
        Let(_COUNTED, _view(Type.F8, field(name, p, "f8", "slot"), neurons(p) * LANE0, cells(p))),
        Let(_EACH, each),
        Let(_WEIGHT, _view(Type.F8, field(weight, p, "f8", "event"), own * neurons(p) * LANE0, apply("//", cells(p), _EACH))),
        For(K, as_value(0), cells(p), 1, (times, Store(_COUNTED, K, as_value(0.0))), Space.CELL),
    ]


def _projected(link: Link, act: str) -> list[Statement]:
    """The spikes of a projection, in the order of their sources, then of each source's connections."""
    ring, pre = f"ring:{link.name}", link.pre
    start, post_at, weight_at, scale = _connections(link)
    post, weight, post_size, weight_size = _CONNECTIONS
    slots = read("whole", f"slots:{ring}")
    row = apply("//", K, WIDTH)
    target = apply("neuron_of", post, post_size, _E) * WIDTH + K % WIDTH
    sent = apply("weight_of", weight, weight_size, _E) * _SCALE.item(K % WIDTH)
    spike = Do(act, (CTX, REAL, B, target, as_value(1), STEP, sent))
    each = For(_E, _START.item(row), _START.item(row + 1), 1, (spike,), Space.CONNECTION)
    first = slots * neurons(pre) * LANE0 + STEP % slots * cells(pre)
    return [
        Let(_SENT, _view(Type.U1, field(ring, pre, "u1", "slot"), first, cells(pre))),
        Let(_START, _view(Type.I8, start, 0, neurons(pre) + 1)),
        *(Let(local, value) for local, value in zip(_CONNECTIONS, (post_at, weight_at, *_sizes(link)), strict=True)),
        Let(_SCALE, _view(Type.F8, scale, LANE0, WIDTH)),
        For(K, as_value(0), cells(pre), 1, (If(_SENT.item(K).differs(0), (each,)),), Space.CELL),
    ]
