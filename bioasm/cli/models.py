"""`bioasm models`: the neuron models, mechanisms and synapses that ship or that a program brings along, and the page of one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common
from bioasm.diagnostics import BioasmError, did_you_mean
from bioasm.models import DEFAULT_MODEL, MODELS
from bioasm.models.base import MECHANISM, SYNAPSE

if TYPE_CHECKING:
    from bioasm.models.base import Model, Parameter


@common.command(
    "models",
    examples="""
        bioasm models
        bioasm models ising
        bioasm models lif_critical --json
        bioasm models program.basm
        bioasm models program.basm my_neuron
    """,
)
@click.argument("name", required=False)
@click.argument("inside", metavar="[NAME]", required=False)
@common.json_option
@click.pass_context
def command(ctx: click.Context, name: str | None, inside: str | None, as_json: bool) -> None:
    """List the models, or describe the one called NAME.

    A file (or `-`) in the place of NAME is a program, whose own models are listed; a NAME after it is one of them.
    """
    if name is None or (name in MODELS and inside is None):
        _tell(ctx, MODELS, name, as_json)
    elif inside is None and not _is_file(name):
        raise _unknown(ctx, name, MODELS)
    else:
        _tell(ctx, _own(name), inside, as_json)


def _is_file(name: str) -> bool:
    """Whether a word is meant as the name of a file: names of models have neither dots nor slashes."""
    return name == common.STDIO or "." in name or "/" in name or os.path.exists(name)


def _own(path: str) -> Mapping[str, Model]:
    """The models that a program brings along. Raises BioasmError with what is wrong with their texts."""
    from bioasm.verifier.catalogue import Catalogue

    catalogue = Catalogue(common.load(path))
    if catalogue.diagnostics:
        raise BioasmError(*catalogue.diagnostics)
    return catalogue.own


def _tell(ctx: click.Context, models: Mapping[str, Model], name: str | None, as_json: bool) -> None:
    if name is not None and name not in models:
        raise _unknown(ctx, name, models)
    if as_json:
        common.print_json({"models": [to_object(m) for m in models.values()]} if name is None else to_object(models[name]))
    elif name is None:
        sys.stdout.write(all_models() if models is MODELS else _listed(models))
    else:
        sys.stdout.write(page(models[name]))


def _unknown(ctx: click.Context, name: str, models: Mapping[str, Model]) -> click.UsageError:
    hint = did_you_mean(name, models) or (
        "`bioasm models` lists them all" if models is MODELS else "without a name all are listed"
    )
    return click.UsageError(f"there is no model {name}; {hint}", ctx)


def all_models() -> str:
    """One line a model that ships."""
    rows = [(name, MODELS.kind(name), MODELS.summary(name)) for name in MODELS]
    default = f"Programs without a MODEL or POP run on {DEFAULT_MODEL}. `bioasm models NAME` tells more.\n"
    return f"{_lines(rows)}\n{default}"


def _listed(models: Mapping[str, Model]) -> str:
    if not models:
        return "The program brings no models along.\n"
    return _lines([(m.name, m.kind if m.kind in (MECHANISM, SYNAPSE) else "model", m.summary) for m in models.values()])


def _lines(rows: list[tuple[str, str, str]]) -> str:
    return "".join(f"{line.strip()}\n" for line in _table([(a, b, " ".join(c.split())) for a, b, c in rows]))


def page(model: Model) -> str:
    """All that a model states about itself."""
    from bioasm.models.equations import equation_lines
    from bioasm.reference import describe_counts, parts_of

    lines = [f"{model.name}: {model.summary}", "", *([model.prose, ""] if model.prose else [])]
    equations = equation_lines(model)
    lines += ["Equations:", *(f"  {line}" for line in equations), ""] if equations else []
    lines.append(describe_counts(model))
    for part in parts_of(model):
        lines += ["", part.title + (f" ({part.named_by}):" if part.named_by else ":"), *_table(part.rows)]
    return "\n".join(lines) + (f"\n\nSource: {model.source}\n" if model.source else "\n")


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    first, second = (max((len(row[k]) for row in rows), default=0) for k in (0, 1))
    return [f"  {a:<{first}}  {b:<{second}}  {c}".rstrip() for a, b, c in rows]


def to_object(model: Model) -> dict[str, Any]:
    """A model as a JSON object; numbers are in SI units, and a bound that does not exist is null."""
    from bioasm.models.equations import equation_lines
    from bioasm.reference import clock_of, unit_of

    return {
        "name": model.name,
        "kind": model.kind,
        "summary": model.summary,
        "clock": clock_of(model),
        "noise": {"unit": model.noise.symbol, "default": model.noise_default} if model.noise_name else None,
        "equations": equation_lines(model),
        "parameters": [_parameter_object(p) for p in model.parameters],
        "inputs": [{"name": i.name, "unit": unit_of(i.unit), "default": i.default, "summary": i.summary} for i in model.inputs],
        "ports": [{"name": p.name, "unit": unit_of(p.unit), "summary": p.summary} for p in model.ports],
        "uses": [{"name": u.name, "unit": unit_of(u.unit)} for u in model.uses],
        "variables": [{"name": v.name, "unit": v.dimension.symbol, "summary": v.summary} for v in model.variables],
        "observables": [
            {"name": o.name, "unit": o.dimension.symbol, "shape": o.shape, "register": o.register, "summary": o.summary}
            for o in model.observables
        ],
        "abilities": sorted(model.abilities),
    }


def _parameter_object(p: Parameter) -> dict[str, Any]:

    bounds = {"low": p.low, "high": p.high}
    return {
        "name": p.name,
        "default": p.default,
        "unit": p.dimension.symbol,
        **{key: value if abs(value) != float("inf") else None for key, value in bounds.items()},
        "structural": p.structural,
        "words": dict(p.words),
        "summary": p.summary,
    }
