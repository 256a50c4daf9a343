"""A sampler of D-Wave's Ocean: binary quadratic models and polynomials of any order, annealed by BioASM.

Imported as `bioasm.dimod`; it needs the extra `dimod`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from bioasm.extras import require

require("dimod", "dimod", "bioasm.dimod")

import dimod  # noqa: E402  (after the check that it is there)
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from bioasm.api.arguments import function, real, whole  # noqa: E402
from bioasm.api.problem import Problem, build  # noqa: E402
from bioasm.api.run import run  # noqa: E402
from bioasm.diagnostics import did_you_mean, error  # noqa: E402
from bioasm.isa.limits import limit  # noqa: E402
from bioasm.problems.write import Effort  # noqa: E402

if TYPE_CHECKING:
    from bioasm.results import Result

_TEMPERATURES = 200


class Request(NamedTuple):
    """The arguments of a call of the sampler."""

    num_reads: int
    num_sweeps: int
    beta_range: Sequence[float] | None
    seed: int | None
    time_limit: float | None
    interrupt_function: Callable[[], bool] | None
    driver: str
    num_sweeps_per_beta: int | None


class BioasmSampler(dimod.Sampler, dimod.PolySampler, dimod.Initialized):  # type: ignore[misc, name-defined]  # dimod has no types
    """Simulated annealing on the machine: one lane a read, all reads at once.

    A drop-in for `dwave.samplers.SimulatedAnnealingSampler`: `sample`, `sample_ising`, `sample_qubo`, and for terms of
    order 3 and more `sample_poly`, `sample_hubo`, `sample_hising`. Each row of the sample set is the best state that its read
    saw. The same seed gives the same samples on every machine, for any number of processors.
    """

    parameters: Mapping[str, Sequence[str]] = {
        "num_reads": ["max_num_reads"],
        "num_sweeps": [],
        "num_sweeps_per_beta": [],
        "beta_range": [],
        "beta_schedule_type": [],
        "seed": [],
        "initial_states": [],
        "initial_states_generator": [],
        "time_limit": [],
        "interrupt_function": [],
        "driver": [],
    }
    properties: Mapping[str, Any] = {"max_num_reads": limit("lanes"), "max_order": limit("term_order")}

    def sample(self, bqm: Any, **options: Any) -> Any:
        """Samples of a binary quadratic model, a SampleSet in its vartype with its labels.

        `num_reads` is the number of samples (1, or that of the `initial_states`), `num_sweeps` how many sweeps each read
        takes (1000) while its temperature falls from 1/`beta_range[0]` to 1/`beta_range[1]` (found from the model where it
        is None), `seed` a whole number. Reads start from `initial_states`, expanded as `initial_states_generator` says
        (`random`, `tile` or `none`), else at random. With `time_limit` in seconds reads are annealed again and again, each
        time twice as long, until it is over. Sampling ends early once `interrupt_function()` is true, and at Ctrl-C; the
        best states so far are returned. `driver` is what runs it (`cpu`). The `info` of the SampleSet tells seed,
        versions, times, the hash of the program, `num_sweeps` as asked for and `sweeps_done`, with those of the descent at
        the end. Of dwave's options `num_sweeps_per_beta` is followed; `beta_schedule_type` may be `geometric`,
        `proposal_acceptance_criteria` `Metropolis`, `randomize_order` False. Raises BioasmError, TypeError for others.
        """
        return self._sampled(bqm, bqm.variables, bqm.vartype, options)

    def sample_poly(self, polynomial: Any, **options: Any) -> Any:
        """Samples of a polynomial of any order, with the options of `sample`. Raises BioasmError."""
        return self._sampled(polynomial, list(polynomial.variables), polynomial.vartype, options)

    def _sampled(self, model: Any, variables: Any, vartype: Any, options: dict[str, Any]) -> Any:
        labels = list(variables)
        starts, request = self._parsed(labels, vartype, **options)
        if not labels:
            return _sample_set(np.empty((request.num_reads, 0), np.int8), labels, model, vartype, {})
        problem = Problem.of(model)
        start = None if starts is None else _in_order(starts, problem.names, vartype)
        result = _annealed(problem, start, request)
        spins = result.best_state.astype(np.int8)
        states = (spins + 1) // 2 if vartype is dimod.BINARY else spins
        return _sample_set(states, list(problem.names), model, vartype, _info(result, request))

    def _parsed(
        self,
        labels: list[Any],
        vartype: Any,
        *,
        num_reads: int | None = None,
        num_sweeps: int = 1000,
        beta_range: Sequence[float] | None = None,
        seed: int | None = None,
        initial_states: Any = None,
        initial_states_generator: str = "random",
        time_limit: float | None = None,
        interrupt_function: Callable[[], bool] | None = None,
        driver: str = "cpu",
        num_sweeps_per_beta: int | None = None,
        beta_schedule_type: str = "geometric",
        **others: Any,
    ) -> tuple[Any, Request]:
        """The initial states, None where there are none, and the other options, checked."""
        _refuse(others, list(self.parameters))
        if beta_schedule_type != "geometric":
            raise error("B406", f"beta_schedule_type is {beta_schedule_type!r}; temperatures fall geometrically")
        starts = None
        if initial_states is not None:
            stand_in = dimod.BinaryQuadraticModel(dict.fromkeys(labels, 0.0), {}, vartype)
            drawn = None if seed is None else whole("seed", seed) % (1 << 32)
            parsed = self.parse_initial_states(stand_in, initial_states, initial_states_generator, num_reads, drawn, True)
            starts, num_reads = parsed.initial_states, parsed.num_reads
        chosen = None if seed is None else whole("seed", seed)
        reads = 1 if num_reads is None else num_reads
        request = Request(
            reads, num_sweeps, beta_range, chosen, time_limit, interrupt_function, driver, num_sweeps_per_beta
        )  # fmt: skip
        _check(request)
        return starts, request


# Of dwave.samplers.SimulatedAnnealingSampler; what each may be here, where it may be anything.
_OF_DWAVE = {"beta_schedule": (None,), "randomize_order": (False,), "proposal_acceptance_criteria": ("Metropolis",)}


def _refuse(others: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse what is no option. Raises TypeError, or BioasmError B406 for one of dwave's that is not followed."""
    for name, value in others.items():
        if name not in _OF_DWAVE:
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise TypeError(f"BioasmSampler has no option {name!r}: {hint}")
        if not any(value is one or value == one for one in _OF_DWAVE[name]):
            raise error("B406", f"{name} is {value!r:.40}; the sampler has {_OF_DWAVE[name][0]} alone")


def _check(request: Request) -> None:
    """Refuse values that can't be followed. Raises BioasmError B406."""
    per_beta = 1 if request.num_sweeps_per_beta is None else request.num_sweeps_per_beta
    counts = {"num_reads": request.num_reads, "num_sweeps": request.num_sweeps, "num_sweeps_per_beta": per_beta}
    for name, value in counts.items():
        if whole(name, value) < 1:
            raise error("B406", f"{name} is {value}; it is a whole number of at least 1")
    if per_beta > request.num_sweeps:
        raise error("B406", f"num_sweeps_per_beta is {per_beta}, more than num_sweeps, {request.num_sweeps}")
    function("interrupt_function", request.interrupt_function)
    betas = request.beta_range
    if betas is not None and not _is_range(betas):
        raise error("B406", f"beta_range is {betas}; it is two numbers, the first above 0 and not above the second")


def _is_range(betas: Any) -> bool:
    return (
        isinstance(betas, Sequence | np.ndarray)
        and len(betas) == 2
        and not isinstance(betas, str)
        and (0 < real("beta_range", betas[0]) <= real("beta_range", betas[1]) < math.inf)
    )


def _in_order(starts: Any, names: Sequence[Any], vartype: Any) -> NDArray[np.int8]:
    """Initial states as spins, a row a read, with variables in the order of `names`."""
    places = {label: k for k, label in enumerate(starts.variables)}
    states: NDArray[np.int8] = starts.record.sample[:, [places[name] for name in names]].astype(np.int8)
    return 2 * states - 1 if vartype is dimod.BINARY else states


def _annealed(problem: Problem, start: Any, request: Request) -> Result:
    again, interrupt = request.time_limit is not None, request.interrupt_function
    sweeps = int(request.num_sweeps_per_beta or -(-request.num_sweeps // _TEMPERATURES))
    constants: dict[str, str | float] = {"sweeps": sweeps, "steps": max(1, int(request.num_sweeps) // sweeps)}
    if request.beta_range is not None:
        constants |= {"T0": 1 / request.beta_range[0], "T1": 1 / request.beta_range[1]}
    return run(
        build(problem, "ising", Effort(again=again), start),
        driver=request.driver,
        seed=request.seed,
        lanes=int(request.num_reads),
        set=constants,
        time_limit=request.time_limit,
        observer=None if interrupt is None else lambda _: not interrupt(),
        trace=False,
    )


def _sample_set(states: Any, labels: list[Any], model: Any, vartype: Any, info: dict[str, Any]) -> Any:
    """A SampleSet whose energies are those that the model itself gives."""
    energies = model.energies((states, labels)) if labels else np.full(len(states), _constant(model))
    made: Any = dimod.SampleSet.from_samples  # which has no types
    return made((states, labels), vartype=vartype, energy=energies, info=info)


def _constant(model: Any) -> float:
    """The energy of a model without variables."""
    return float(model.offset if hasattr(model, "offset") else model.get((), 0.0))


def _info(result: Result, request: Request) -> dict[str, Any]:
    """Where samples come from."""
    return {
        "seed": result.seed,
        "status": result.status,
        "num_sweeps": request.num_sweeps,
        "sweeps_done": result.steps,
        "driver": result.driver,
        "program_sha256": result.program_sha256,
        "versions": dict(result.versions),
        "timing": dict(result.timing),
    }
