"""The neuron models and how they are found by name."""

from __future__ import annotations

from bioasm.models.base import Model
from bioasm.models.ising import ISING
from bioasm.models.lif_critical import LIF_CRITICAL

DEFAULT_MODEL = LIF_CRITICAL.name
MODELS: dict[str, Model] = {model.name: model for model in (LIF_CRITICAL, ISING)}

__all__ = ["DEFAULT_MODEL", "MODELS", "Model"]
