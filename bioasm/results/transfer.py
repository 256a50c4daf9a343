"""Serialisation of a Result for transfer from a board: exact, without pickle, and validated on reading.

u32 length of a JSON text, the text in UTF-8, zeros up to a multiple of 8, then the concatenated arrays, each padded to a
multiple of 8. The text holds `arrays` (a list of [dtype, shape] in their order) and `tree`, the Result's fields, in which
{"array": k} refers to array k. Numbers that must be exact are arrays, also single ones. Everything is little endian.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import fields
from typing import Any

import numpy as np

from bioasm.diagnostics import EXIT_DEVICE, BioasmError, Diagnostic, Span, error
from bioasm.results.piece import Piece, piece_of
from bioasm.results.result import ALONG_LANES, Reading, Recording, Result, Spikes
from bioasm.units import Dimension

_LENGTH = struct.Struct("<I")
_DTYPES = frozenset({"<f8", "<i8", "|i1", "<f4", "<i4", "<i2", "|b1"})
_ALIGN = 8


def pack_result(result: Result) -> bytes:
    """Serialise a Result; `unpack_result` restores it bit for bit."""
    arrays: list[Any] = []
    tree = {field.name: _plain(getattr(result, field.name), arrays) for field in _SENT}
    layout = [[array.dtype.str, list(array.shape)] for array in arrays]
    text = json.dumps({"arrays": layout, "tree": tree}, separators=(",", ":")).encode()
    return b"".join([_padded(_LENGTH.pack(len(text)) + text), *(_padded(array.tobytes()) for array in arrays)])


def unpack_result(data: bytes) -> Result:
    """Deserialise a Result. Raises BioasmError B531 for invalid bytes."""
    try:
        (length,) = _LENGTH.unpack_from(data)
        head = json.loads(data[_LENGTH.size : _LENGTH.size + length])
        arrays = _arrays(head["arrays"], data, _round_up(_LENGTH.size + length))
        tree = {"events": {}, **head["tree"]}  # which older writers omit
        found: dict[str, Any] = {f.name: _FIELDS.get(f.name, _whole)(tree[f.name], arrays) for f in _SENT}
        piece = found.pop("piece")
        return Result(**found, piece=piece and piece_of(piece, found["lanes"], len(found["results"])))
    except BioasmError:
        raise
    except (struct.error, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as cause:
        text = f"the board's result can't be read: {type(cause).__name__}: {cause}"
        raise error("B531", text, exit_code=EXIT_DEVICE) from None


def _round_up(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def _padded(data: bytes) -> bytes:
    return data + bytes(_round_up(len(data)) - len(data))


# --- to bytes ---------------------------------------------------------------------------------------


def _plain(value: Any, arrays: list[Any]) -> Any:
    """A field as JSON, with its arrays moved to `arrays`."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        arrays.append(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape))
        return {"array": len(arrays) - 1}
    if isinstance(value, Piece):
        return _plain(value.content(), arrays)
    if isinstance(value, Spikes | Recording):
        return {field.name: _plain(getattr(value, field.name), arrays) for field in fields(value)}
    if isinstance(value, Reading):
        exact = np.float64(value.value) if isinstance(value.value, float) else value.value
        return {"what": value.what, "value": _plain(exact, arrays)}
    if isinstance(value, Diagnostic):
        return {field.name: _plain(getattr(value, field.name), arrays) for field in fields(Diagnostic)}
    if isinstance(value, Dimension):
        return value.name
    if isinstance(value, tuple | list):
        return [_plain(item, arrays) for item in value]
    if hasattr(value, "items"):
        return {name: _plain(item, arrays) for name, item in value.items()}
    return value


# --- from bytes -------------------------------------------------------------------------------------


def _arrays(layout: Any, data: bytes, at: int) -> list[Any]:
    """The arrays of a layout; sizes are checked against the bytes before anything is allocated."""
    found = []
    for dtype, shape in layout:
        if dtype not in _DTYPES or not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"an array of {dtype} and shape {shape}")
        count = math.prod(shape)
        size = count * np.dtype(dtype).itemsize
        if at + size > len(data):
            raise ValueError(f"an array of {size} bytes, and {len(data) - at} are left")
        found.append(np.frombuffer(data, dtype, count, at).reshape(shape).copy())
        at += _round_up(size)
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes too many")
    return found


def _whole(value: Any, arrays: list[Any]) -> Any:
    """A field with its arrays inserted."""
    if isinstance(value, dict):
        if set(value) == {"array"} and type(value["array"]) is int:
            return arrays[value["array"]]
        return {name: _whole(item, arrays) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item, arrays) for item in value]
    return value


def _spikes(value: Any, arrays: list[Any]) -> Spikes:
    return Spikes(**{name: _array(item, arrays) for name, item in value.items()})


def _array(value: Any, arrays: list[Any]) -> Any:
    found = _whole(value, arrays)
    if not isinstance(found, np.ndarray):
        raise ValueError("a number where an array belongs")
    return found


def _readings(value: Any, arrays: list[Any]) -> tuple[Reading, ...]:
    return tuple(Reading(item["what"], _reading(item["value"], arrays)) for item in value)


def _reading(value: Any, arrays: list[Any]) -> Any:
    if set(value) == {"t", "i", "lane"}:
        return _spikes(value, arrays)
    found = _array(value, arrays)
    return float(found) if found.ndim == 0 else found


def _recordings(value: Any, arrays: list[Any]) -> dict[str, Recording]:
    return {name: Recording(**{part: _array(a, arrays) for part, a in item.items()}) for name, item in value.items()}


def _events(value: Any, arrays: list[Any]) -> dict[str, Spikes]:
    return {str(name): _spikes(item, arrays) for name, item in value.items()}


def _diagnostics(value: Any, arrays: list[Any]) -> tuple[Diagnostic, ...]:
    return tuple(Diagnostic(**{**d, "span": Span(*d["span"]) if d["span"] else None}) for d in value)


def _words(value: Any, arrays: list[Any]) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()}


_SENT = [field for field in fields(Result) if field.name != "own_names"]  # which are process-local objects
_FIELDS: dict[str, Any] = dict.fromkeys(ALONG_LANES, _array) | {
    "results": _readings,
    "spikes": _spikes,
    "recordings": _recordings,
    "events": _events,
    "diagnostics": _diagnostics,
    "clock": lambda value, _: Dimension[value],
    "metadata": _words,
    "seconds_per_step": lambda value, arrays: float(_whole(value, arrays)),
}
