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

from bioasm.api.problem import Problem, build  # noqa: E402
from bioasm.api.run import run  # noqa: E402
from bioasm.diagnostics import error  # noqa: E402
from bioasm.isa.limits import limit  # noqa: E402
from bioasm.problems.write import Effort  # noqa: E402

if TYPE_CHECKING:
    from bioasm.results import Result

_TEMPERATURES = 200


class Request(NamedTuple):
    """What a call of the sampler asks for."""

    num_reads: int
    num_sweeps: int
    beta_range: Sequence[float] | None
    seed: int | None
    time_limit: float | None
    interrupt_function: Callable[[], bool] | None
    driver: str


class BioasmSampler(dimod.Sampler, dimod.PolySampler, dimod.Initialized):  # type: ignore[misc, name-defined]  # dimod has no types
    """Simulated annealing on the machine: one lane a read, all reads at once.

    A drop-in for `dwave.samplers.SimulatedAnnealingSampler`: `sample`, `sample_ising`, `sample_qubo`, and for terms of
    order 3 and more `sample_poly`, `sample_hubo`, `sample_hising`. Each row of the sample set is the best state that its read
    saw. The same seed gives the same samples on every machine, for any number of processors.
    """

    parameters: Mapping[str, Sequence[str]] = {
        "num_reads": ["max_num_reads"],
        "num_sweeps": [],
        "beta_range": [],
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
        versions, schedule, times and the hash of the program. Raises BioasmError.
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
        return _sample_set(states, list(problem.names), model, vartype, _info(result))

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
    ) -> tuple[Any, Request]:
        """The initial states, None where there are none, and the other options, checked."""
        starts = None
        if initial_states is not None:
            stand_in = dimod.BinaryQuadraticModel(dict.fromkeys(labels, 0.0), {}, vartype)
            drawn = None if seed is None else int(seed) % (1 << 32)
            parsed = self.parse_initial_states(stand_in, initial_states, initial_states_generator, num_reads, drawn, True)
            starts, num_reads = parsed.initial_states, parsed.num_reads
        chosen = int(seed) if seed is not None else None
        request = Request(num_reads or 1, num_sweeps, beta_range, chosen, time_limit, interrupt_function, driver)
        _check(num_reads, request)
        return starts, request


def _check(num_reads: int | None, request: Request) -> None:
    """Refuse what is no option. Raises BioasmError B406."""
    for name, value in (("num_reads", 1 if num_reads is None else num_reads), ("num_sweeps", request.num_sweeps)):
        if value != int(value) or value < 1:
            raise error("B406", f"{name} is {value}; it is a whole number of at least 1")
    betas = request.beta_range
    if betas is not None and not (len(betas) == 2 and 0 < betas[0] <= betas[1] < math.inf):
        raise error("B406", f"beta_range is {betas}; it is two numbers, the first above 0 and not above the second")


def _in_order(starts: Any, names: Sequence[Any], vartype: Any) -> NDArray[np.int8]:
    """Initial states as spins, a row a read, with variables in the order of `names`."""
    places = {label: k for k, label in enumerate(starts.variables)}
    states: NDArray[np.int8] = starts.record.sample[:, [places[name] for name in names]].astype(np.int8)
    return 2 * states - 1 if vartype is dimod.BINARY else states


def _annealed(problem: Problem, start: Any, request: Request) -> Result:
    again, interrupt = request.time_limit is not None, request.interrupt_function
    sweeps = -(-request.num_sweeps // _TEMPERATURES)
    constants: dict[str, str | float] = {"sweeps": sweeps, "steps": max(1, request.num_sweeps // sweeps)}
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


def _info(result: Result) -> dict[str, Any]:
    """Where samples come from."""
    return {
        "seed": result.seed,
        "status": result.status,
        "num_sweeps": result.steps,
        "driver": result.driver,
        "program_sha256": result.program_sha256,
        "versions": dict(result.versions),
        "timing": dict(result.timing),
    }
