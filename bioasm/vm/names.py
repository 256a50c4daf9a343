"""A program's populations and mechanisms as the code generator sees them, and its names for what references mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bioasm.isa.program import Name, Operand
from bioasm.network.namespace import WEIGHT
from bioasm.network.network import ADD, Network, variables_of
from bioasm.network.references import InputRef, ParameterRef, PortRef, ProjectionRef, Reference, VariableRef, default_input
from bioasm.runtime.setup import event_ports
from bioasm.verifier.gate import Verified
from bioasm.verifier.network_builder import static_end
from bioasm.vm.codegen.plan import Link, Plan, Target
from bioasm.vm.codegen.system import Instance, System


@dataclass(frozen=True, eq=False)
class NameTable:
    """The instances of a network with their ids, by name: `p0`, `p1`, ... for populations, `m0`, ... for mechanisms."""

    network: Network
    verified: Verified

    @cached_property
    def populations(self) -> list[Instance]:
        """One a population."""
        return [Instance(p.name, p.model, f"p{k}") for k, p in enumerate(self.network.populations)]

    @cached_property
    def mechanisms(self) -> list[Instance]:
        """One a mechanism."""
        return [Instance(m.name, m.model, f"m{k}") for k, m in enumerate(self.network.mechanisms)]

    @cached_property
    def by_name(self) -> dict[str, Instance]:
        """All of them."""
        return {instance.name: instance for instance in (*self.populations, *self.mechanisms)}

    def population_of(self, instance: Instance) -> int:
        """The index of the population that an instance is, or that its mechanism is inserted into."""
        index = int(instance.id[1:])
        return index if instance.id[0] == "p" else self.network.mechanisms[index].population

    # --- references ---------------------------------------------------------------------------------

    def qualified(self, ref: VariableRef | InputRef) -> str:
        """The name of a variable or input in generated source."""
        return self.by_name[ref.owner].qualified(ref.name)

    def parameter(self, ref: ParameterRef) -> str:
        """The name of a parameter in generated source."""
        return self.by_name[ref.owner].qualified(ref.parameter.name)

    def target(self, ref: PortRef) -> Target:
        """Where spikes go that are sent to a port."""
        instance = self.by_name[ref.owner]
        return Target(self.population_of(instance), instance.id, ref.port)

    # --- the plan of the code -----------------------------------------------------------------------

    def plan(self, own: frozenset[str], clamped: bool, lanes: int) -> Plan:
        """What the source depends on, for the parameters `own` that differ between neurons.

        Kernels take seconds to compile, so programs share them: where one parameter of a population with feedback has a value
        for each neuron or a neuron is clamped, its other parameters are read neuron by neuron as well.
        """
        coupled = self.coupled
        clamped = clamped or (coupled is not None and bool(own))
        if coupled is not None and clamped:
            own |= self._parameters(coupled)
        systems = tuple(self.system(k, own) for k in range(len(self.populations)))
        single = frozenset(k for k, p in enumerate(self.network.populations) if p.n * lanes == 1 and k != coupled)
        return Plan(systems, tuple(self._links()), self.played, self.events, self.watched, clamped, coupled, single)

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
        return System(self.populations[population], tuple(on), own, self.modulated)

    def _links(self) -> list[Link]:
        found = []
        for projection in self.network.projections:
            instance = self.by_name[projection.target]
            target = Target(self.population_of(instance), instance.id, projection.port)
            found.append(Link(projection.name, projection.pre, target, projection.name in self.reweighted))
        return found

    @cached_property
    def reweighted(self) -> frozenset[str]:
        """The projections whose weight the program may set after its first step."""
        late = self.verified.instructions[static_end(self.verified.program) :]
        refs = [i.operands[0] for i in late if i.mnemonic == "SET"]
        return frozenset(r.owner for r in refs if isinstance(r, ProjectionRef) and r.parameter.name == WEIGHT)

    def _operands(self, *mnemonics: str) -> list[tuple[Operand | Reference, ...]]:
        """The operands of all instructions of these mnemonics."""
        return [i.operands for i in self.verified.instructions if i.mnemonic in mnemonics]

    @cached_property
    def played(self) -> frozenset[str]:
        """The inputs that the program plays waveforms into; of a population with feedback that of currents in any case."""
        found = {ref for ref, *_ in self._operands("PLAY", "WAVE") if isinstance(ref, InputRef)}
        default = default_input(self.network) if self.network.implicit and self.coupled is not None else None
        return frozenset(self.qualified(ref) for ref in found | ({default} if default else set()))

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
        """Where the program sends spikes from outside."""
        return tuple(self.target(ref) for ref in event_ports(self.verified))
