"""The plan of a sweep: a grid of settings times seeds, each point cut into pieces of lanes; jobs are content-addressed."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bioasm import __version__
from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.runtime.options import DEFAULT_FUEL
from bioasm.settings import called

FORMAT = 1
MOST_JOBS = 1 << 20
BLOCK = 16  # lanes of a vector

Settings = tuple[tuple[str, str], ...]
Hash = Any  # a hash of hashlib, which has no public type


@dataclass(frozen=True, slots=True)
class Job:
    """One run: `settings` as `--set` takes them, the seed, and lanes `first` up to `first` + `lanes` of `everyone`.

    `name` follows from these, the program's bytes and the version alone.
    """

    settings: Settings
    seed: int
    first: int
    lanes: int
    everyone: int
    name: str

    @property
    def is_piece(self) -> bool:
        """Whether the job is a piece of its point."""
        return self.lanes != self.everyone

    def about(self) -> dict[str, Any]:
        """The job as JSON: settings, seed, and lanes as [first, count, all]."""
        return {"settings": dict(self.settings), "seed": self.seed, "lanes": [self.first, self.lanes, self.everyone]}


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of settings and seed, with its name and its jobs."""

    settings: Settings
    seed: int
    name: str
    jobs: tuple[Job, ...]


Task = tuple[Job, ...]  # jobs that share a run


@dataclass(frozen=True)
class Plan:
    """The plan of a sweep. `axes` are the values of each setting; `program` is bytecode."""

    program: bytes
    axes: Mapping[str, tuple[str, ...]]
    seeds: tuple[int, ...]
    lanes: int = 1
    pieces: int = 1
    driver: str = "cpu"
    fuel: int = DEFAULT_FUEL
    apart: str = "it was not looked at"  # the reason why points are separate runs; empty where points can be lanes of one run

    def about(self) -> dict[str, Any]:
        """The plan as JSON, which identifies a sweep."""
        return {
            "format": FORMAT,
            "bioasm": __version__,
            "program": hashlib.sha256(self.program).hexdigest(),
            "settings": {name: list(values) for name, values in self.axes.items()},
            "seeds": list(self.seeds),
            "lanes": self.lanes,
            "pieces": self.pieces,
            "driver": self.driver,
            "fuel": self.fuel,
        }

    @property
    def count(self) -> int:
        """The number of points."""
        return math.prod(map(len, self.axes.values())) * len(self.seeds)

    def points(self) -> Iterator[Point]:
        """All points, the last setting and then the seed changing fastest."""
        about = self.about()
        common = json.dumps({name: about[name] for name in ("bioasm", "program", "driver", "fuel")}, sort_keys=True)
        for chosen in itertools.product(*self.axes.values()):
            settings = tuple(zip(self.axes, chosen, strict=True))
            told = hashlib.sha256(json.dumps([common, settings]).encode())
            for seed in self.seeds:
                yield self._point(told, settings, seed)

    @property
    def together(self) -> int:
        """The number of points of a seed that share a run: as many as fill a block of lanes."""
        return 1 if self.apart else max(1, BLOCK // self.lanes)

    def tasks(self, points: Sequence[Point], missing: Callable[[Point], list[Job]], workers: int = 1) -> Iterator[Task]:
        """Batching: the tasks of the points' missing jobs; points of one seed share runs, distributed over `workers`."""
        waiting: dict[int, list[Job]] = {}
        for point in points:
            waiting.setdefault(point.seed, []).extend(missing(point))
        for jobs in waiting.values():
            most = max(1, min(self.together, -(-len(jobs) * len(waiting) // workers)))
            yield from (tuple(jobs[at : at + most]) for at in range(0, len(jobs), most))

    def check(self) -> None:
        """Refuse more than MOST_JOBS jobs, more pieces than lanes, and duplicate values. Raises BioasmError B406."""
        jobs = self.count * self.pieces
        if jobs > MOST_JOBS:
            raise error("B406", f"the sweep has {jobs:,} jobs; the most is {MOST_JOBS:,}", exit_code=EXIT_USAGE)
        if not 1 <= self.pieces <= self.lanes:
            raise error("B406", f"{self.pieces} pieces of {self.lanes} lanes", exit_code=EXIT_USAGE)
        for name, values in self.axes.items():
            if len({*values}) < len(values):
                twice = next(value for value in values if values.count(value) > 1)
                text = f"{called(name)}: the value {twice} is there {values.count(twice)} times"
                raise error("B406", text, hint="--seeds runs each value with several seeds", exit_code=EXIT_USAGE)

    def _point(self, told: Hash, settings: Settings, seed: int) -> Point:
        edges = [self.lanes * k // self.pieces for k in range(self.pieces + 1)]
        jobs = tuple(self._job(told, settings, seed, a, b - a) for a, b in itertools.pairwise(edges))
        name = jobs[0].name if len(jobs) == 1 else self._job(told, settings, seed, 0, self.lanes).name
        return Point(settings, seed, name, jobs)

    def _job(self, told: Hash, settings: Settings, seed: int, first: int, lanes: int) -> Job:
        """A job; `told` is the hash state of the common content of all jobs with these settings."""
        own = told.copy()
        own.update(json.dumps([seed, first, lanes, self.lanes]).encode())
        return Job(settings, seed, first, lanes, self.lanes, own.hexdigest()[:24])
