"""Calls in generated source that carry spikes: into rings or counts, and out of them into the ports they arrive at.

Weights that arrive at a port in one step are added up. Where a port's spikes interact, they act one after another instead:
rings then hold which neurons fired, and events from outside are counted.
"""

from __future__ import annotations

from collections.abc import Callable

from bioasm.vm.codegen.layout import Field, Layout
from bioasm.vm.codegen.plan import Link, Plan, Target


def identifier(name: str) -> str:
    """A name of a program as part of one in generated source."""
    return "".join(c if c.isalnum() and c.isascii() else f"_{ord(c):x}_" for c in name)


class Spikes:
    """Writes the calls. `in_order` says whether the spikes that arrive at a port in one step act one after another."""

    def __init__(self, plan: Plan, layout: Layout, in_order: Callable[[Target], bool]) -> None:
        self.plan, self.layout, self.in_order = plan, layout, in_order

    def arrivals(self, p: int) -> dict[Target, list[str]]:
        """The ports of a population and its mechanisms that spikes come to, and the fields of arriving weights of each."""
        found = [(target, name) for target in self.plan.events for name in self._from_outside(target)]
        found += [(link.target, f"ring:{link.name}") for link in self.plan.links]
        ports = [Target(p, i.id, port.name) for i in self.plan.systems[p].instances for port in i.model.ports]
        arriving = {port: [name for target, name in found if target == port] for port in ports}
        return {port: names for port, names in arriving.items() if names}

    def receive(self, p: int, target: Target, arriving: list[str], cells: str) -> list[str]:
        """Let what arrives at a port in this step do what it does, if anything arrives."""
        if self.in_order(target):
            return [line for name in arriving for line in self._one_by_one(target, name)]
        flags = [self._mark(p, name) for name in arriving]
        call = f"receive_{identifier(target.name)}(ctx, real, b, 0, {cells}, step)"
        some = " or ".join(f"{flag} != 0" for flag in flags)
        return [f"if {some}:", *(f"    {flag} = 0" for flag in flags), f"    {call}"]

    def _mark(self, p: int, name: str) -> str:
        """The flag that says whether anything arrives in this step in a ring or from outside."""
        slots, mark = self.layout.whole("slots:" + name), self.layout.field(f"mark:{name}", Field(p, "i8", "mark"))
        return f"marks(field[{mark}], b, whole[{slots}])[step % whole[{slots}]]"

    def _one_by_one(self, target: Target, name: str) -> list[str]:
        """Let the spikes of one source that arrive in this step act one after another, if there are any."""
        p, function = target.population, identifier(target.name)
        if name.startswith("ring:"):
            link = next(link for link in self.plan.links if f"ring:{link.name}" == name)
            fields = [self.layout.field(name, Field(link.pre, "u1", "slot")), *self._connections(link)]
            wholes, call = [f"n:{link.pre}", f"slots:{name}"], f"projected_{function}"
        else:
            weight = "rate_jump" if name in self._from_outside(target)[1:] else "jump"
            fields = [self.layout.field(name, Field(p)), self.layout.field(f"{weight}:{target.name}", Field(p, "f8", "event"))]
            wholes, call = [f"n:{p}"], f"repeated_{function}"
        arguments = [f"field[{at}]" for at in fields] + [f"whole[{self.layout.whole(each)}]" for each in wholes]
        flag = self._mark(p, name)
        return [f"if {flag} != 0:", f"    {flag} = 0", f"    {call}(ctx, real, b, step, {', '.join(arguments)})"]

    def _connections(self, link: Link) -> list[int]:
        """The places of a projection's connections: where each source's begin, their targets and weights."""
        p, kinds = link.target.population, (("start", "i8"), ("post", "i4"), ("weight", "f8"))
        return [self.layout.field(f"{part}:{link.name}", Field(p, dtype, "link")) for part, dtype in kinds]

    def _from_outside(self, target: Target) -> list[str]:
        """The fields of what arrives from outside: one sum of weights, or numbers of given and of random spikes."""
        own = f"events:{target.name}"
        return [own, f"{own}:random"] if self.in_order(target) else [own]

    def deliver(self, link: Link) -> str:
        """A call that lets spikes set out on a projection."""
        p, ring = link.target.population, f"ring:{link.name}"
        if self.in_order(link.target):
            return self._depart(link, ring)
        fields = self._connections(link)
        fields += [self.layout.field(ring, Field(p, per="slot")), self.layout.field(f"mark:{ring}", Field(p, "i8", "mark"))]
        wholes = [self.layout.whole(name) for name in (f"n:{link.pre}", f"n:{p}", f"slots:{ring}", f"delay:{link.name}")]
        arguments = [f"field[{at}]" for at in fields] + [f"whole[{at}]" for at in wholes]
        first = self.layout.whole(f"first:{link.pre}")
        return f"deliver(block, b, fired[whole[{first}] * width:], step, {', '.join(arguments)})"

    def _depart(self, link: Link, ring: str) -> str:
        """A call that lets spikes set out that will act one after another: which neurons fired is kept until they arrive."""
        made = [(ring, Field(link.pre, "u1", "slot")), (f"mark:{ring}", Field(link.target.population, "i8", "mark"))]
        arguments = [f"field[{self.layout.field(name, field)}]" for name, field in made]
        arguments += [f"whole[{self.layout.whole(name)}]" for name in (f"n:{link.pre}", f"slots:{ring}", f"delay:{link.name}")]
        first = self.layout.whole(f"first:{link.pre}")
        return f"depart(block, b, fired[whole[{first}] * width:], step, {', '.join(arguments)})"

    def events(self, target: Target) -> str:
        """A call that takes the spikes from outside that are due."""
        p, name, ordered = target.population, target.name, self.in_order(target)
        jump, rate_jump = ("one", "one") if ordered else ("jump", "rate_jump")
        kinds = [("step", "i8"), ("neuron", "i8"), (jump, "f8"), ("position", "i8")]
        kinds += [("count_first", "i8"), ("count_end", "i8"), ("count_top", "i8"), ("count_limit", "u4"), (rate_jump, "f8")]
        kinds += [("key0", "u4"), ("key1", "u4"), ("word", "u4")]
        fields = [(f"{part}:{name}", Field(p, dtype, "event")) for part, dtype in kinds]
        for arriving in self._from_outside(target):
            self.layout.whole(f"slots:{arriving}")
            fields += [(arriving, Field(p, per="slot")), (f"mark:{arriving}", Field(p, "i8", "mark"))]
        arguments = [f"field[{self.layout.field(*each)}]" for each in fields]
        arguments += [f"whole[{self.layout.whole(part)}]" for part in (f"length:{name}", f"rates:{name}", f"n:{p}")]
        return f"{'count' if ordered else 'take'}_events(block, b, step, {', '.join(arguments)})"
