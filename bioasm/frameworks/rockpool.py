"""LIF layers of Rockpool: their parameters, converted to the currents of DynapSE neurons as Rockpool's DynapseNeurons does.

A layer has for each neuron tau_mem, tau_syn (s), threshold and bias (numbers), and dt (s). Layers are merged in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioasm.diagnostics import BioasmError, did_you_mean, error
from bioasm.frameworks import write
from bioasm.frameworks.write import Floats
from bioasm.isa.limits import limit
from bioasm.isa.storage import check_exact
from bioasm.npz import Archive
from bioasm.plain import plain_text, read_json
from bioasm.wholes import Rounded

KAPPA, UT, VTH = (0.75 + 0.66) / 2, 25e-3, 0.7
PARAMETERS = ("tau_mem", "tau_syn", "threshold", "bias")
CURRENTS = (
    "Idc", "If_nmda", "Igain_ahp", "Igain_mem", "Igain_syn", "Ipulse_ahp", "Ipulse", "Iref", "Ispkthr", "Itau_ahp",
    "Itau_mem", "Itau_syn", "Iw_ahp",
)  # fmt: skip
# What else the conversion takes, in SI units, and what Rockpool takes where it is not given.
CONVERSION = {
    "r_gain_mem": 4.0, "r_gain_syn": 100.0, "t_pulse": 10e-6, "t_ref": 1e-3, "C_pulse": 0.5e-12, "C_ref": 1.5e-12,
    "C_mem": 3e-12, "C_syn": 25e-12, "Iscale": 1e-8,
}  # fmt: skip
_KNOWN = (*PARAMETERS, *CURRENTS, *CONVERSION, "dt", "n", "w_in", "w_rec")
_MODEL = "dynapsim"


class Flaw(Exception):
    """A fault of a layer, in words; `hint` says what would mend it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Layer:
    """n neurons: currents in A, each an array (n,); weights of inputs (inputs, n) and among neurons (n, n), or None."""

    n: int
    currents: Mapping[str, Floats]
    Iscale: float = 1e-8
    dt: float = 1e-3
    w_in: Floats | None = None
    w_rec: Floats | None = None


# --- from parameters to currents ----------------------------------------------------------------------


def layer_of(given: Mapping[str, Any]) -> Layer:
    """The layer that a file's entries say: LIF parameters, which are converted, or currents as they are. Raises Flaw."""
    for name in given:
        if name not in _KNOWN:
            raise Flaw(f"a layer has no {name!r}", did_you_mean(name, _KNOWN) or f"it has {', '.join(_KNOWN)}")
    n = _size(given)
    extra = {name: _number(given.get(name, default), name) for name, default in CONVERSION.items()}
    with np.errstate(over="ignore"):
        currents = converted(given, n, extra) if "tau_mem" in given else _as_given(given, n)
    for name, values in currents.items():
        if not np.all(np.isfinite(values)):
            raise Flaw(f"the current {name} of this layer is too large for a number")
    for name in ("Ispkthr", "Itau_mem", "Itau_syn"):
        if np.any(currents[name] <= 0):
            raise Flaw(f"{'the threshold' if name == 'Ispkthr' else name} must be above 0")
    dt = _positive(_number(given.get("dt", 1e-3), "dt"), "dt")
    w_in = None if given.get("w_in") is None else _weights(given["w_in"], "w_in", n)
    w_rec = None if given.get("w_rec") is None else _weights(given["w_rec"], "w_rec", n)
    if w_rec is not None and len(w_rec) != n:
        raise Flaw(f"w_rec has {len(w_rec)} rows for {n} neurons")
    return Layer(n, currents, extra["Iscale"], dt, w_in, w_rec)


def converted(given: Mapping[str, Any], n: int, extra: Mapping[str, float]) -> dict[str, Floats]:
    """The currents (A) of n LIF neurons: leaks Itau = (Ut/kappa) C/tau, gains as multiples of them, threshold and bias times
    Iscale, pulse and refractory currents Vth C/t; no adaptation. Raises Flaw.
    """
    missing = [name for name in PARAMETERS if name not in given]
    if missing:
        raise Flaw(f"the layer has no {' and no '.join(missing)}")
    tau_mem, tau_syn, threshold, bias = (_full(given[name], n, name) for name in PARAMETERS)
    for name in ("t_pulse", "t_ref", "C_pulse", "C_ref", "C_mem", "C_syn", "Iscale"):
        _positive(extra[name], name)
    for name, values in (("tau_mem", tau_mem), ("tau_syn", tau_syn), ("threshold", threshold)):
        _positive(float(values.min()), name)
    Itau_mem, Itau_syn = UT / KAPPA * extra["C_mem"] / tau_mem, UT / KAPPA * extra["C_syn"] / tau_syn
    found = {
        "Itau_mem": Itau_mem,
        "Igain_mem": extra["r_gain_mem"] * Itau_mem,
        "Itau_syn": Itau_syn,
        "Igain_syn": extra["r_gain_syn"] * Itau_syn,
        "Ispkthr": threshold * extra["Iscale"],
        "Idc": bias * extra["Iscale"],
        "Ipulse": np.full(n, VTH * extra["C_pulse"] / extra["t_pulse"]),
        "Iref": np.full(n, VTH * extra["C_ref"] / extra["t_ref"]),
    }
    return {name: found.get(name, np.zeros(n)) for name in CURRENTS}


def _as_given(given: Mapping[str, Any], n: int) -> dict[str, Floats]:
    missing = [name for name in ("Itau_mem", "Itau_syn", "Igain_mem", "Igain_syn", "Ispkthr") if name not in given]
    if missing:
        raise Flaw("a layer has tau_mem, tau_syn, threshold and bias, or currents", f"it lacks {', '.join(missing)}")
    return {name: _full(given.get(name, 0.0), n, name) for name in CURRENTS}


def merge(layers: list[Layer]) -> Layer:
    """All neurons in the order of the layers, each with inputs and recurrent weights of its own. Raises Flaw."""
    if not layers:
        raise Flaw("there is no layer")
    first = layers[0]
    for name in ("Iscale", "dt"):
        if len({getattr(layer, name) for layer in layers}) > 1:
            raise Flaw(f"layers with different {name} can't be merged")
    if len(layers) == 1:
        return first
    currents = {name: np.concatenate([layer.currents[name] for layer in layers]) for name in CURRENTS}
    n = sum(layer.n for layer in layers)
    return Layer(n, currents, first.Iscale, first.dt, _joined(layers, "w_in"), _joined(layers, "w_rec"))


def _joined(layers: list[Layer], name: str) -> Floats | None:
    """The weights of all layers as blocks of one matrix; None where no layer has any."""
    blocks = [getattr(layer, name) for layer in layers]
    if all(block is None for block in blocks):
        return None
    empty_rows = (lambda layer: layer.n) if name == "w_rec" else (lambda layer: 0)
    blocks = [np.zeros((empty_rows(a), a.n)) if b is None else b for a, b in zip(layers, blocks, strict=True)]
    whole, row, column = np.zeros((sum(len(b) for b in blocks), sum(b.shape[1] for b in blocks))), 0, 0
    for block in blocks:
        whole[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return whole


# --- what entries of a layer may be -------------------------------------------------------------------


def _size(given: Mapping[str, Any]) -> int:
    """How many neurons a layer has: as said, else the length of what is a list, else the columns of weights, else one."""
    if "n" in given:
        n = given["n"]
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise Flaw(f"n is a whole number of neurons, not {n!r}")
        return int(n)
    lengths = [len(given[name]) for name in (*PARAMETERS, *CURRENTS) if isinstance(given.get(name), list | np.ndarray)]
    lengths += [np.shape(given[name])[1] for name in ("w_in", "w_rec") if np.ndim(_plain(given.get(name))) == 2]
    return max(lengths, default=1)


def _plain(value: Any) -> Any:
    """Weights as an array; rows of different lengths, which no array holds, are reported later."""
    try:
        return np.asarray(value, dtype=float) if isinstance(value, list | np.ndarray) else 0.0
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _full(value: Any, n: int, name: str) -> Floats:
    """One value for each of n neurons: a number n times, a list of n as it is."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return np.full(n, _number(value, name))
    if not isinstance(value, list | np.ndarray):
        raise Flaw(f"{name} is a number or a list of numbers, not {value!r}")
    array = _array(value, name)
    if array.ndim != 1:
        raise Flaw(f"{name} is a number or a list of numbers, not {' x '.join(map(str, array.shape)) or 'one in an array'}")
    if len(array) != n:
        raise Flaw(f"{name} has {array.size} values for {n} neuron{'s' * (n > 1)}")
    return array


def _weights(value: Any, name: str, n: int) -> Floats:
    array = _array(value, name)
    if array.ndim != 2 or array.shape[1] != n or not len(array):
        shape = " x ".join(map(str, array.shape))
        raise Flaw(f"{name} must have a column for each of the {n} neurons; it is {shape or 'a number'}")
    return array


def _array(value: Any, name: str) -> Floats:
    try:
        check_exact(np.asarray(value))
        array = np.asarray(value, dtype=np.float64)
    except Rounded as fault:
        raise Flaw(f"{name}: {fault}", fault.hint) from None
    except OverflowError:
        raise Flaw(f"{name} has a number that is too large") from None
    except (TypeError, ValueError):
        raise Flaw(f"{name} does not hold numbers alone, in rows of one length") from None
    if not np.all(np.isfinite(array)):
        raise Flaw(f"{name} has a value that is not finite")
    return array


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool | str) or np.ndim(value) != 0 or value is None:
        raise Flaw(f"{name} is one number, not {value!r}")
    return float(_array(value, name))


def _positive(value: float, name: str) -> float:
    if value <= 0:
        raise Flaw(f"{name} must be above 0; it is {value:g}")
    return value


# --- files ----------------------------------------------------------------------------------------------


def is_layer(said: Any) -> bool:
    """Whether a JSON value is a layer, or several, even if something is wrong in them: it has one of their entries."""
    layers = said.get("layers", [said]) if isinstance(said, dict) else said
    return isinstance(layers, list) and any(isinstance(layer, dict) and not layer.keys().isdisjoint(_KNOWN) for layer in layers)


def read_layers(content: bytes, source: str) -> str:
    """The text of a program for the layers in a JSON or .npz file. Raises BioasmError B304."""
    entries = _read_npz(content, source) if content.startswith(b"PK") else _read_json(plain_text(content, source), source)
    layers = []
    for k, given in enumerate(entries):
        try:
            layers.append(layer_of(given))
        except Flaw as flaw:
            where = f"{source}: layer {k}" if len(entries) > 1 else source
            raise error("B304", f"{where}: {flaw}", hint=flaw.hint) from None
    try:
        layer = merge(layers)
    except Flaw as flaw:
        raise error("B304", f"{source}: {flaw}", hint=flaw.hint) from None
    return program(layer, len(layers), source)


def _read_json(content: bytes, source: str) -> list[Mapping[str, Any]]:
    said = read_json(content, source)
    layers = said.get("layers", [said]) if isinstance(said, dict) else said
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        hint = "with tau_mem, tau_syn, threshold and bias"
        raise error("B304", f"{source}: a layer is an object, and several are a list of objects", hint=hint)
    return layers


def _read_npz(content: bytes, source: str) -> list[Mapping[str, Any]]:
    try:
        with Archive(content) as archive:
            most = limit("text_bytes")
            size = sum(header.bytes for header in map(archive.header, archive.names))
            if size > most:
                raise error("B111", f"{source} holds arrays of {size:,} bytes; the limit is {most:,}")
            return [{name: _unwrapped(archive.read(name, most)) for name in archive.names}]
    except BioasmError:
        raise
    except Exception as fault:  # a damaged archive can fail in any way inside of numpy and zipfile
        raise error("B304", f"{source} can't be read: {str(fault).split(chr(10))[0]}") from fault


def _unwrapped(array: Any) -> Any:
    return array.item() if array.ndim == 0 else array


# --- the program ----------------------------------------------------------------------------------------


def program(layer: Layer, count: int, source: str) -> str:
    """The text of a program that runs the neurons of a layer, driven by random spikes where it has input weights."""
    title = f"{layer.n} DynapSE neuron{'s' * (layer.n > 1)} from {f'{count} LIF layers' if count > 1 else 'a LIF layer'}"
    lines = [
        *write.head(title, source, _notes(layer), _constants(layer)),
        *_neurons(layer),
        *_wires(layer),
        "    RUN duration",
        "    RD neurons.spike_count",
        "    RD spikes",
    ]
    for name, weights in (("recurrent", layer.w_rec), ("feedforward", layer.w_in)):
        if weights is not None:
            lines += write.matrix(name, weights)
    return "\n".join([*lines, ""])


def _notes(layer: Layer) -> Iterator[str]:
    yield "The currents are those that Rockpool's DynapseNeurons converts the layer to; If_nmda, which its simulator does not"
    yield "read, is left out. Weights of connections are numbers, as Rockpool's."
    if layer.w_in is None:
        yield "There are no input weights: PLAY neurons.drive, TABLE, PERIOD plays weighted input spikes."


def _constants(layer: Layer) -> Iterator[str]:
    yield ".const duration = 1 s"
    if layer.w_in is not None:
        yield ".const rate = 50 Hz              ; of the random spikes in each input"


def _neurons(layer: Layer) -> Iterator[str]:
    if layer.w_in is not None:
        yield f"    POP inputs, relay, {len(layer.w_in)}"
    yield f"    POP neurons, {_MODEL}, {layer.n}"
    yield from write.setting("dt", np.array([layer.dt]), _MODEL)
    yield from write.setting("neurons.Iscale", np.array([layer.Iscale]), _MODEL)
    for name in CURRENTS:
        if name != "If_nmda":
            yield from write.setting(f"neurons.{name}", layer.currents[name], _MODEL)


def _wires(layer: Layer) -> Iterator[str]:
    if layer.w_rec is not None:
        yield from write.connection("recurrent", "neurons", "neurons")
    if layer.w_in is not None:
        yield from write.connection("feedforward", "inputs", "neurons")
        yield "    RATE inputs, rate, 1         ; or EVT inputs, TRAIN, 1 for given spikes"
