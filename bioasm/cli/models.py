"""`bioasm models`: the neuron models, and the page of one."""

from __future__ import annotations

import sys
from typing import Any

import click

from bioasm.cli import common
from bioasm.diagnostics import did_you_mean
from bioasm.models import DEFAULT_MODEL, MODELS, Model
from bioasm.models.base import Parameter
from bioasm.reference import clock_of, describe_noise, describe_range, spelled


@common.command(
    "models",
    examples="""
        bioasm models
        bioasm models ising
        bioasm models lif_critical --json
    """,
)
@click.argument("name", required=False)
@common.json_option
@click.pass_context
def command(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """List the neuron models, or describe the model NAME."""
    if name is not None:
        model = _known(ctx, name)
        common.print_json(to_object(model)) if as_json else sys.stdout.write(page(model))
    elif as_json:
        common.print_json({"models": [to_object(model) for model in MODELS.values()]})
    else:
        sys.stdout.write(all_models())


def _known(ctx: click.Context, name: str) -> Model:
    if name not in MODELS:
        hint = did_you_mean(name, MODELS) or "`bioasm models` lists them all"
        raise click.UsageError(f"there is no model {name}; {hint}", ctx)
    return MODELS[name]


def all_models() -> str:
    """One line a model."""
    width = max(map(len, MODELS))
    default = f"Programs without a MODEL instruction run on {DEFAULT_MODEL}. `bioasm models NAME` tells more.\n"
    return "".join(f"{name:<{width}}  {MODELS.summary(name)}\n" for name in MODELS) + f"\n{default}"


def page(model: Model) -> str:
    """All that a model states about itself."""
    lines = [f"{model.name}: {model.summary}", "", model.prose, ""]
    lines += [f"RUN counts in {clock_of(model)}. SIG is {describe_noise(model)}.", "", "Parameters (SET):"]
    lines += _table([(p.name, spelled(p.default, p), _note(p)) for p in model.parameters])
    lines += ["", "Variables (REC, PEEK):"]
    lines += _table([(v.name, v.dimension.symbol, v.summary) for v in model.variables])
    lines += ["", "Observables (RD; those marked * also GET):"]
    lines += _table([(o.name + "*" * o.register, o.dimension.symbol, o.summary) for o in model.observables])
    return "\n".join(lines) + (f"\n\nSource: {model.source}\n" if model.source else "\n")


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    first, second = (max((len(row[k]) for row in rows), default=0) for k in (0, 1))
    return [f"  {a:<{first}}  {b:<{second}}  {c}".rstrip() for a, b, c in rows]


def _note(p: Parameter) -> str:
    structural = "; before ALC only" if p.structural else ""
    return p.summary + describe_range(p) + structural


def to_object(model: Model) -> dict[str, Any]:
    """A model as a JSON object; numbers are in SI units, and a bound that does not exist is null."""
    return {
        "name": model.name,
        "summary": model.summary,
        "clock": clock_of(model),
        "noise": {"unit": model.noise.symbol, "default": model.noise_default},
        "parameters": [_parameter_object(p) for p in model.parameters],
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
