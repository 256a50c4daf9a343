"""Name mangling: a program's populations and mechanisms as Instances, and the qualified names of references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bioasm.isa.program import DataRef, Name, Operand
from bioasm.morphology.conventions import METHODS
from bioasm.network.attachment import owner_of
from bioasm.network.cables import sites
from bioasm.network.coupling import sums
from bioasm.network.namespace import WEIGHT
from bioasm.network.network import ADD, Network, Projection, variables_of
from bioasm.network.pairwise import Pairwise
from bioasm.network.references import (
    EventRef,
    InputRef,
    ParameterRef,
    PortRef,
    ProjectionRef,
    Reference,
    VariableRef,
    default_input,
)
from bioasm.runtime.setup import event_ports, neurons_with, played_parts, recorded_events
from bioasm.verifier.gate import Verified
from bioasm.verifier.network_builder import static_end
from bioasm.vm.codegen.plan import SENDER, CableSites, Link, Plan, Summand, Target
from bioasm.vm.codegen.system import Instance, System


@dataclass(frozen=True, eq=False)
class NameTable:
    """The instances of a network with their ids, by name: `p0`, ... for populations, `m0`, ... for mechanisms; those of
    synapses are `s0`, ... by projection. `apart` are, by projection, the names of its parameters and states with values of the
    lanes' own.
    """

    network: Network
    verified: Verified
    apart: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def populations(self) -> list[Instance]:
        """The instances of populations."""
        return [Instance(p.name, p.model, f"p{k}") for k, p in enumerate(self.network.populations)]

    @cached_property
    def mechanisms(self) -> list[Instance]:
        """The instances of mechanisms."""
        return [Instance(m.name, m.model, f"m{k}") for k, m in enumerate(self.network.mechanisms)]

    @cached_property
    def synapses(self) -> dict[str, Instance]:
        """The instances of synapses by projection; projections whose delays differ have one too."""
        models = {p.name: p.synapse or (SENDER if p.name in self._scattered else None) for p in self.network.projections}
        listed = enumerate(models.items())
        return {name: Instance(name, model, f"s{k}") for k, (name, model) in listed if model is not None}

    @cached_property
    def by_name(self) -> dict[str, Instance]:
        """All instances of populations and mechanisms by name."""
        return {instance.name: instance for instance in (*self.populations, *self.mechanisms)}

    def population_of(self, instance: Instance) -> int:
        """The index of an instance's population, or of its mechanism's."""
        index = int(instance.id[1:])
        return index if instance.id[0] == "p" else self.network.mechanisms[index].population

    # --- references ---------------------------------------------------------------------------------

    def qualified(self, ref: VariableRef | InputRef) -> str:
        """The name of a variable or input in generated source."""
        return (self.by_name.get(ref.owner) or self.synapses[ref.owner]).qualified(ref.name)

    def parameter(self, ref: ParameterRef) -> str:
        """The name of a parameter in generated source."""
        return self.by_name[ref.owner].qualified(ref.parameter.name)

    def event(self, ref: EventRef) -> str:
        """The name of an event in generated source."""
        return self.by_name[ref.owner].qualified(ref.name)

    def target(self, ref: PortRef) -> Target:
        """The Target of a port."""
        instance = self.by_name[ref.owner]
        return Target(self.population_of(instance), instance.id, ref.port)

    # --- the plan of the code -----------------------------------------------------------------------

    def plan(self, own: frozenset[str], clamped: bool, lanes: int) -> Plan:
        """The plan of the source, for the parameters `own` that differ between neurons.

        Kernels take seconds to compile, so programs share them: where one parameter of a population with feedback has a value
        for each neuron or a neuron is clamped, all its parameters are read per neuron.
        """
        coupled = self.coupled
        clamped = clamped or (coupled is not None and bool(own))
        if coupled is not None and clamped:
            own |= self._parameters(coupled)
        systems = tuple(self.system(k, own) for k in range(len(self.populations)))
        single = frozenset(k for k, p in enumerate(self.network.populations) if p.n * lanes == 1 and k != coupled)
        return Plan(
            systems,
            tuple(self.links(own)),
            self.played,
            self.events,
            self.watched,
            clamped,
            coupled,
            single,
            self.played_apart,
            self._cables,
            heard=frozenset(map(self.event, recorded_events(self.verified))),
        )

    @cached_property
    def _cables(self) -> tuple[CableSites, ...]:
        """The multicompartment cells as CableSites."""
        found = []
        for one in self.network.cables:
            suffixes = tuple(site.suffix for site in sites(one.cell))
            found.append(CableSites(one.cells, one.volumes, suffixes, one.cell.method == METHODS[1], one.detectors))
        return tuple(found)

    @cached_property
    def coupled(self) -> int | None:
        """The index of the population with the feedback J s + h."""
        return next((k for k, p in enumerate(self.populations) if p.model.feedback is not None), None)

    def _parameters(self, population: int) -> frozenset[str]:
        instance = self.populations[population]
        return frozenset(instance.qualified(p.name) for p in instance.model.parameters if not p.structural)

    def system(self, population: int, own: frozenset[str] = frozenset()) -> System:
        """A population and the mechanisms inserted into it, as one system of equations."""
        on = [m for m in self.mechanisms if self.population_of(m) == population]
        return System(self.populations[population], tuple(on), own, self.modulated, self.summed, self._where)

    @cached_property
    def _where(self) -> dict[str, str]:
        """The place or region of each mechanism on a part of cells, by its id."""
        return {one.id: m.where for one, m in zip(self.mechanisms, self.network.mechanisms, strict=True) if m.where}

    def links(self, own: frozenset[str] = frozenset()) -> list[Link]:
        """The projections as Links."""
        found = []
        for projection in self.network.projections:
            instance = self.by_name[projection.target]
            target = Target(self.population_of(instance), instance.id, projection.port)
            link = Link(projection.name, projection.pre, target, projection.name in self.reweighted)
            found.append(self._attached(link, projection, self.synapses.get(projection.name), own))
        return found

    def _attached(self, link: Link, projection: Projection, synapse: Instance | None, own: frozenset[str]) -> Link:
        if synapse is None:
            return link
        meant = {use.name: owner_of(self.network, projection, use.name) for use in synapse.model.uses}
        found = {use: (*one, self.by_name[one[0].name]) for use, one in meant.items() if one is not None}
        owners = {use: (owner.population, instance.qualified(name)) for use, (owner, name, instance) in found.items()}
        apart = self.apart.get(projection.name, frozenset())
        states = {s.name for s in synapse.model.states}
        if apart:  # initial values depend on parameters and other states
            apart |= states
        shared = states - synapse.model.changed - apart
        mine = frozenset(name for name in own if name.startswith(f"{synapse.id}."))
        return link._replace(
            synapse=synapse, owners=owners, own=mine, shared=frozenset(map(synapse.qualified, shared)),
            apart=frozenset(map(synapse.qualified, apart)),
            scattered=self._scattered.get(projection.name, frozenset()), sums=self._sums(projection),
        )  # fmt: skip

    @cached_property
    def _scattered(self) -> dict[str, frozenset[str]]:
        """By projection, the delays of its pathways with a value for each connection."""
        refs = [
            ref
            for ref, value in self._operands("SET")
            if isinstance(ref, ProjectionRef) and isinstance(value, DataRef | Pairwise)
        ]
        found: dict[str, frozenset[str]] = {}
        for ref in (ref for ref in refs if ref.parameter.structural):
            found[ref.owner] = found.get(ref.owner, frozenset()) | {ref.parameter.name}
        return found

    def _sums(self, projection: Projection) -> tuple[Summand, ...]:
        """The terms that the connections of a projection add to inputs in every step."""
        found = sums(self.network, projection)
        return tuple(Summand(one.end, self.by_name[one.owner.name].qualified(one.input), one.value) for one in found)

    @cached_property
    def summed(self) -> frozenset[str]:
        """The inputs that get sums over connections."""
        return frozenset(one.target for projection in self.network.projections for one in self._sums(projection))

    @cached_property
    def reweighted(self) -> frozenset[str]:
        """The projections whose weights the program may set after its first step."""
        late = self.verified.instructions[static_end(self.verified.program) :]
        refs = [i.operands[0] for i in late if i.mnemonic == "SET"]
        return frozenset(r.owner for r in refs if isinstance(r, ProjectionRef) and r.parameter.name == WEIGHT)

    def _operands(self, *mnemonics: str) -> list[tuple[Operand | Reference, ...]]:
        """The operands of all instructions of these mnemonics."""
        return [i.operands for i in self.verified.instructions if i.mnemonic in mnemonics]

    @cached_property
    def played(self) -> frozenset[str]:
        """The inputs that get waveforms; of a population with feedback always that of currents, so that kernels are shared."""
        found = {ref for ref, *_ in self._operands("PLAY", "WAVE") if isinstance(ref, InputRef)}
        default = default_input(self.network) if self.network.implicit and self.coupled is not None else None
        return frozenset(self.qualified(ref) for ref in found | ({default} if default else set()))

    @cached_property
    def waves(self) -> dict[str, tuple[range, ...]]:
        """By input, the parts of its population that have a waveform each."""
        return {self.qualified(ref): parts for ref, parts in played_parts(self.verified).items()}

    @cached_property
    def played_apart(self) -> frozenset[str]:
        """The inputs that PLAY or WAVE drives in a part of a population."""
        found = played_parts(self.verified).items()
        return frozenset(self.qualified(ref) for ref, parts in found if parts != (neurons_with(self.verified, ref),))

    @cached_property
    def watched(self) -> frozenset[str]:
        """The variables that the program records or peeks at; of a population with feedback all, so that kernels are shared."""
        named = (ref for operands in self._operands("REC", "PEEK") for ref in operands if isinstance(ref, VariableRef))
        found = frozenset(self.qualified(ref) for ref in named)
        if self.coupled is None:
            return found
        instance = self.populations[self.coupled]
        return found | {instance.qualified(v.name) for v in variables_of(instance.model)}

    @cached_property
    def modulated(self) -> frozenset[str]:
        """The inputs that the program sets or scales."""
        found = self._operands("INP")
        return frozenset(self.qualified(ref) for ref, _, how in found if isinstance(ref, InputRef) and how != Name(ADD))

    @cached_property
    def events(self) -> tuple[Target, ...]:
        """The targets of external spikes."""
        return tuple(self.target(ref) for ref in event_ports(self.verified))
