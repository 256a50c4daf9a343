"""A program's populations and mechanisms as the code generator sees them, and what words of the program mean to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from bioasm.isa.network import Network, current_input, variables_of
from bioasm.isa.program import Name, Program
from bioasm.vm.codegen.plan import Link, Plan, Target
from bioasm.vm.codegen.system import Instance, System

_STREAMS = {"SPK", "POI", "EVT", "RATE"}


@dataclass(frozen=True, eq=False)
class Instances:
    """The instances of a network with their ids, by name: `p0`, `p1`, ... for populations, `m0`, ... for mechanisms."""

    network: Network
    program: Program

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
        """The index of the population that an instance is or stands on."""
        index = int(instance.id[1:])
        return index if instance.id[0] == "p" else self.network.mechanisms[index].population

    # --- words of the program -----------------------------------------------------------------------

    def owner(self, word: str, names: Mapping[str, Iterable[str]]) -> tuple[Instance, str]:
        """The instance and its own name for a word, written `name` or `instance.name`. `names` are what each instance has."""
        head, dot, tail = word.partition(".")
        if dot and head in self.by_name:
            return self.by_name[head], tail
        return next((i for i in self.by_name.values() if word in names[i.name]), self.populations[0]), word

    def parameter(self, word: str) -> tuple[Instance, str]:
        """The instance and name of a parameter."""
        return self.owner(word, {i.name: [p.name for p in i.model.parameters] for i in self.by_name.values()})

    def variable(self, word: str) -> str:
        """The qualified name of a variable."""
        instance, name = self.owner(word, {i.name: _variables(i) for i in self.by_name.values()})
        return instance.qualified(name)

    def shown(self, word: str) -> str:
        """The qualified name of the variable that RD of a word shows: that of an observable, or the variable itself."""
        names = {i.name: [*(o.name for o in i.model.observables), *_variables(i)] for i in self.by_name.values()}
        instance, name = self.owner(word, names)
        observable = instance.model.observable(name)
        return instance.qualified(observable.variable if observable and observable.variable else name)

    def input(self, word: str) -> str:
        """The qualified name of an input."""
        instance, name = self.owner(word, {i.name: [x.name for x in i.model.inputs] for i in self.by_name.values()})
        return instance.qualified(name)

    def default_input(self) -> str | None:
        """The qualified name of the input that CUR and WAVE go into."""
        found = current_input(self.populations[0].model)
        return None if found is None else self.populations[0].qualified(found.name)

    def target(self, word: str) -> Target:
        """Where spikes go that are sent to `instance` or `instance.port`."""
        head, _, port = word.partition(".")
        instance = self.by_name[head]
        return Target(self.population_of(instance), instance.id, port)

    def default_target(self) -> Target:
        """Where spikes of SPK and POI go."""
        model = self.populations[0].model
        return Target(0, "p0", "" if model.port("") or not model.ports else model.ports[0].name)

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
        """A population with what stands on it."""
        on = [m for m in self.mechanisms if self.population_of(m) == population]
        return System(self.populations[population], tuple(on), own, self.modulated)

    def _links(self) -> list[Link]:
        found = []
        for projection in self.network.projections:
            instance = self.by_name[projection.target]
            target = Target(self.population_of(instance), instance.id, projection.port)
            found.append(Link(projection.name, projection.pre, target))
        return found

    def _words(self, *mnemonics: str) -> list[tuple[str, list[str]]]:
        """The words that stand in all instructions of these mnemonics."""
        return [
            (i.mnemonic, [o.text for o in i.operands if isinstance(o, Name)])
            for i in self.program.instructions
            if i.mnemonic in mnemonics
        ]

    @cached_property
    def played(self) -> frozenset[str]:
        """The inputs that the program plays waveforms into."""
        found = {self.input(words[0]) for _, words in self._words("PLAY")}
        default = self.default_input()
        used = self.network.implicit and (self.coupled is not None or self._words("WAVE"))
        return frozenset(found | ({default} if default is not None and used else set()))

    @cached_property
    def watched(self) -> frozenset[str]:
        """The variables that the program records or peeks at; of a population with feedback all, so that kernels are shared."""
        found = {self.variable(words[-1] if mnemonic == "PEEK" else words[0]) for mnemonic, words in self._words("REC", "PEEK")}
        if self.coupled is None:
            return frozenset(found)
        instance = self.populations[self.coupled]
        return frozenset(found | {instance.qualified(v.name) for v in variables_of(instance.model)})

    @cached_property
    def modulated(self) -> frozenset[str]:
        """The inputs that the program sets or scales."""
        return frozenset(self.input(words[0]) for _, words in self._words("INP") if words[1:] in (["set"], ["scale"]))

    @cached_property
    def events(self) -> tuple[Target, ...]:
        """Where the program sends spikes from outside."""
        found = [self.target(w[0]) if m in ("EVT", "RATE") else self.default_target() for m, w in self._words(*_STREAMS)]
        shared = [self.default_target()] if self.network.implicit and self.coupled is not None else []
        return tuple(dict.fromkeys(shared + found))


def _variables(instance: Instance) -> list[str]:
    return [v.name for v in variables_of(instance.model)]
