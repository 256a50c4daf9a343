"""Encoder and decoder of the data section of bytecode: block headers and arrays, which are neither read nor copied here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from bioasm.binary import layout
from bioasm.binary.container import Part
from bioasm.binary.layout import ARRAY, ARRAYS, BLOCK, BLOCK_SIZE, BLOCKS, INDEX_TYPE, START_TYPE, aligned
from bioasm.diagnostics import error
from bioasm.isa.distributions import BY_CODE, DISTRIBUTIONS, count_fault
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Data, DataBlock, Dense, Operand, Quantity, Random, Sparse, Terms
from bioasm.mapped import files_behind
from bioasm.verifier.data import check_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

Readers = dict[int, tuple[int, Callable[[Part, tuple[int, ...], int, "list[NDArray[Any]]"], Data]]]

_PIECE = 1 << 22  # bytes written at a time
_NO_PADDING = b"\0" * 7


# --- writing ----------------------------------------------------------------------------------------


class _Payload(NamedTuple):
    """An array and the type that it is stored in."""

    array: NDArray[Any]
    type: str

    @property
    def size(self) -> int:
        """The size in bytes."""
        return int(self.array.size) * int(self.type[2])


class _Header(NamedTuple):
    """Decoded header of a data block: kind, flags, dimensions and sides, and its arrays in their order."""

    kind: int
    flags: int
    dimensions: int
    sides: tuple[int, int]
    payloads: tuple[_Payload, ...]


def write_blocks(
    blocks: Sequence[DataBlock], names: Mapping[str, int], arguments: Mapping[int, Sequence[int]]
) -> Iterator[bytes | memoryview]:
    """The bytes of the data section in pieces. Arrays whose memory layout is the stored one are not copied.

    `arguments` are, by number of a block of random values, the indices of its arguments among the constants.
    """
    headers = [
        _describe_random(block.value, arguments[number]) if isinstance(block.value, Random) else _describe(block.value)
        for number, block in enumerate(blocks)
    ]
    end = BLOCKS.size + BLOCK_SIZE * len(blocks)
    yield BLOCKS.pack(len(blocks), 0)
    for block, header in zip(blocks, headers, strict=True):
        name = layout.NONE if block.name is None else names[block.name]
        yield BLOCK.pack(header.kind, header.flags, header.dimensions, 0, name, *header.sides)
        for payload in header.payloads:
            yield ARRAY.pack(layout.TYPE_CODES[payload.type], _NO_PADDING, aligned(end), payload.array.size)
            end = aligned(end) + payload.size
        yield bytes(ARRAY.size * (ARRAYS - len(header.payloads)))
    yield from _write_payloads(headers)


def _write_payloads(headers: Sequence[_Header]) -> Iterator[bytes | memoryview]:
    end = BLOCKS.size + BLOCK_SIZE * len(headers)
    for header in headers:
        for payload in header.payloads:
            yield bytes(aligned(end) - end)
            yield from _bytes_of(*payload)
            end = aligned(end) + payload.size


def _describe_random(value: Random, arguments: Sequence[int]) -> _Header:
    import numpy as np

    payload = _Payload(np.array(arguments, INDEX_TYPE), INDEX_TYPE)
    flags = layout.PER_LANE if value.per_lane else 0
    return _Header(layout.RANDOM, flags, 1, (DISTRIBUTIONS[value.distribution].code, 0), (payload,))


def _describe(value: Dense | Sparse | Terms) -> _Header:
    if isinstance(value, Dense):
        rows, *columns = value.shape
        return _Header(layout.DENSE, 0, len(value.shape), (rows, *columns, 0)[:2], (_stored(value.array),))  # type: ignore[arg-type]
    if isinstance(value, Sparse):
        payloads = (_Payload(value.row, INDEX_TYPE), _Payload(value.column, INDEX_TYPE), _stored(value.value))
        return _Header(layout.SPARSE, layout.SYMMETRIC if value.symmetric else 0, 2, value.shape, payloads)
    payloads = (_Payload(value.start, START_TYPE), _Payload(value.index, INDEX_TYPE), _stored(value.value))
    return _Header(layout.TERMS, 0, 1, (value.size, 0), payloads)


def _stored(array: NDArray[Any]) -> _Payload:
    """The array with its stored dtype: its own, or the next wider one."""
    name = array.dtype.str[1:]
    kept = "<" + name
    if kept in layout.TYPE_CODES:
        return _Payload(array, kept)
    if name == "u8" and (array.size == 0 or int(array.max()) < 1 << 63):
        return _Payload(array, "<i8")
    if name not in layout.WIDENED:
        raise error("B010", f"entries of type {array.dtype} can't be stored")
    return _Payload(array, layout.WIDENED[name])


def _bytes_of(array: NDArray[Any], stored: str) -> Iterator[memoryview]:
    """The array's bytes in row-major order, in pieces."""
    import numpy as np

    lines = array.reshape(-1) if array.flags.c_contiguous else array
    step = max(1, _PIECE // (8 * max(1, lines[:1].size)))
    for start in range(0, len(lines), step):
        piece = np.ascontiguousarray(lines[start : start + step], dtype=stored)  # without a copy where possible
        yield piece.reshape(-1).view(np.uint8).data


# --- reading ----------------------------------------------------------------------------------------


def read_blocks(part: Part, name_of: Callable[[Part, int], str | None], constants: Sequence[Operand]) -> tuple[DataBlock, ...]:
    """Decode the blocks of a data section; their arrays are views of its bytes. `constants` are those of arguments."""
    if len(part.view) < BLOCKS.size:
        raise part.fault("it is too short for its header")
    count, zero = BLOCKS.unpack_from(part.view)
    if count > limit("data"):
        raise part.fault(f"it holds {count} data blocks; the limit is {limit('data')}", "B111")
    end = BLOCKS.size + BLOCK_SIZE * count
    if zero or end > len(part.view):
        raise part.fault(f"{count} data blocks do not fit into it")
    blocks, readers = [], _READERS | {layout.RANDOM: (1, partial(_read_random, constants))}
    for number in range(count):
        block, end = _read_block(part, number, end, name_of, readers)
        blocks.append(block)
    if end != len(part.view):
        raise part.fault(f"{len(part.view) - end} bytes follow the last array")
    return tuple(blocks)


def _read_block(
    part: Part, number: int, end: int, name_of: Callable[[Part, int], str | None], readers: Readers
) -> tuple[DataBlock, int]:
    """Decode block `number`, whose arrays start at or after `end`; returns it with the end of its arrays."""
    start = BLOCKS.size + BLOCK_SIZE * number
    kind, flags, dimensions, zero, name, rows, columns = BLOCK.unpack_from(part.view, start)
    unused = columns if dimensions == 1 else 0
    if kind not in readers or dimensions not in (1, 2) or zero or unused or flags & ~layout.FLAGS[kind]:
        raise part.fault(f"a data block of kind {kind} with {dimensions} dimensions and flags {flags} is not known")
    wanted, reader = readers[kind]
    record = start + BLOCK.size
    arrays = []
    for _ in range(wanted):
        array, end = _read_array(part, record, end)
        # Checked indices must not change later: kernels use them without checks.
        arrays.append(array.copy() if kind != layout.DENSE and any(files_behind([array])) else array)
        record += ARRAY.size
    if any(part.view[record : start + BLOCK_SIZE]):
        raise part.fault(f"a data block of kind {kind} has {wanted} arrays, and more are described")
    block = DataBlock(reader(part, (rows, columns)[:dimensions], flags, arrays), name_of(part, name))
    if kind != layout.DENSE:  # invalid indices must not even be printed
        for finding in check_block(number, block):
            raise part.fault(finding.message, finding.code)
    return block, end


def _read_array(part: Part, place: int, end: int) -> tuple[NDArray[Any], int]:
    """The array of the record at `place`, and the end of its bytes."""
    import numpy as np

    code, zeros, offset, count = ARRAY.unpack_from(part.view, place)
    if code not in layout.TYPES or any(zeros):
        raise part.fault(f"entries of type {code} are not known")
    entry = np.dtype(layout.TYPES[code])
    after = offset + count * entry.itemsize
    if offset != aligned(end) or after > len(part.view):
        text = f"an array is said to have {count} entries at {offset}"
        raise part.fault(f"{text}; it must start at {aligned(end)} and end within {len(part.view)}")
    if any(part.view[end:offset]):
        raise part.fault("the bytes before an array are not zero")
    array = np.frombuffer(part.view[offset:after], entry)
    return array if array.flags.aligned else array.copy(), after


def _read_dense(part: Part, shape: tuple[int, ...], flags: int, arrays: list[NDArray[Any]]) -> Dense:
    count = shape[0] * (shape[1] if len(shape) == 2 else 1)
    if flags or max(shape) > limit("data_entries") or count != arrays[0].size:
        raise part.fault(f"{arrays[0].size} entries do not make an array of shape {shape}")
    return Dense(arrays[0].reshape(shape))


def _read_sparse(part: Part, shape: tuple[int, ...], flags: int, arrays: list[NDArray[Any]]) -> Sparse:
    row, column, value = arrays
    if len(shape) != 2 or not row.size == column.size == value.size:
        raise part.fault(f"{row.size} rows, {column.size} columns and {value.size} values make no sparse matrix")
    _check_type(part, row, INDEX_TYPE)
    _check_type(part, column, INDEX_TYPE)
    return Sparse((shape[0], shape[1]), row, column, value, bool(flags))


def _read_terms(part: Part, shape: tuple[int, ...], flags: int, arrays: list[NDArray[Any]]) -> Terms:
    start, index, value = arrays
    if len(shape) != 1 or flags or start.size != value.size + 1:
        raise part.fault(f"{start.size} starts and {value.size} values make no terms")
    _check_type(part, start, START_TYPE)
    _check_type(part, index, INDEX_TYPE)
    return Terms(shape[0], start, index, value)


def _read_random(
    constants: Sequence[Operand], part: Part, shape: tuple[int, ...], flags: int, arrays: list[NDArray[Any]]
) -> Random:
    (arguments,) = arrays
    name = BY_CODE.get(shape[0]) if len(shape) == 1 else None
    if name is None:
        raise part.fault(f"a distribution {shape} is not known")
    wrong = count_fault(name, arguments.size)
    if wrong is not None:
        raise part.fault(f"{name} has {arguments.size} arguments; {wrong}")
    _check_type(part, arguments, INDEX_TYPE)
    found = [constants[at] if 0 <= at < len(constants) else None for at in arguments.tolist()]
    if not all(isinstance(one, Quantity | ConstantRef) for one in found):
        raise part.fault("an argument of a distribution refers to no constant", "B208")
    return Random(name, tuple(one for one in found if isinstance(one, Quantity | ConstantRef)), bool(flags))


def _check_type(part: Part, array: NDArray[Any], wanted: str) -> None:
    if array.dtype != wanted:
        raise part.fault(f"indices are stored as {wanted[1:]}, not as {array.dtype}")


# The number of arrays of each kind of block, and its constructor.
_READERS: Readers = {
    layout.DENSE: (1, _read_dense),
    layout.SPARSE: (3, _read_sparse),
    layout.TERMS: (3, _read_terms),
}
