"""A kernel as one LLVM module: its functions, each translated once for the types that it is called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir

from bioasm.vm.jit.functions import Device
from bioasm.vm.jit.types import Signature, Type, Void, void

Translate = Callable[["Module", Device, tuple[Type, ...], Any, "Guess"], "Guess"]


class Guess:
    """Types that a translation goes by, and may find to be others: of the result, and of variables.

    `fixed` is a result that a signature tells; what is returned is brought to it.
    """

    def __init__(self, result: Type, fixed: bool = False) -> None:
        self.result, self.fixed, self.variables = result, fixed, dict[str, Type]()


class Made(NamedTuple):
    """A translated function and the type of its result."""

    function: Any
    result: Type


class Module:
    """The functions of one kernel."""

    def __init__(self, translate: Callable[..., bool]) -> None:
        self.ir = ir.Module("kernel")
        self._translate = translate
        self._made: dict[tuple[Device, tuple[Type, ...]], Made] = {}
        self._results: dict[Device, Type] = {}

    def function(self, device: Device, kinds: tuple[Type, ...]) -> Made:
        """The function for arguments of these types."""
        key = (device, kinds)
        if key not in self._made:
            made = self._made[key] = self._new(device, kinds)
            # LLVM inlines such functions by their size; internal ones also where they are large, which doubles the time.
            made.function.linkage = "linkonce_odr"
            if device.inlined:
                made.function.attributes.add("alwaysinline")
        return self._made[key]

    def entry(self, device: Device, signature: Signature) -> str:
        """Translate the kernel's own function and return its name."""
        made = self._settled(device, signature.args, Guess(signature.return_type, fixed=True))
        return str(made.function.name)

    def _new(self, device: Device, kinds: tuple[Type, ...]) -> Made:
        made = self._settled(device, kinds, Guess(self._results.get(device, void)))
        self._results[device] = made.result
        return made

    def _settled(self, device: Device, kinds: tuple[Type, ...], guess: Guess) -> Made:
        """Translate until the types that it went by hold all that is assigned and returned (a fixed point)."""
        while True:
            function = self._translated(device, kinds, guess, self.ir.get_unique_name(device.__name__))
            if function is not None:
                return Made(function, guess.result)

    def _translated(self, device: Device, kinds: tuple[Type, ...], guess: Guess, name: str) -> Any:
        function = ir.Function(self.ir, prototype(guess.result, kinds), name)
        if self._translate(self, device, kinds, function, guess):
            return function
        del self.ir.globals[name]
        return None


def prototype(result: Type, kinds: tuple[Type, ...]) -> Any:
    """The LLVM type of a function: its arguments are the parts of all arguments, its result one part or a struct of several."""
    return ir.FunctionType(result_of(result), [leaf for kind in kinds for leaf in kind.leaves])


def result_of(kind: Type) -> Any:
    """The LLVM type of a result."""
    if isinstance(kind, Void):
        return ir.VoidType()
    return kind.leaves[0] if len(kind.leaves) == 1 else ir.LiteralStructType(kind.leaves)
