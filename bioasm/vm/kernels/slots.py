"""The tables of `bioasm.vm.layout` as modules of plain integers, which are constants to compiled functions."""

from __future__ import annotations

from enum import IntEnum
from types import ModuleType

from bioasm.vm import layout


class Slots(ModuleType):
    """An enumeration's members as int attributes; its length is that of the enumeration."""

    def __init__(self, members: type[IntEnum]) -> None:
        super().__init__(members.__name__)
        self._length = len(members)
        vars(self).update({member.name: member.value for member in members})

    def __len__(self) -> int:
        return self._length


Block, Ctx, Fault, Real = Slots(layout.Block), Slots(layout.Ctx), Slots(layout.Fault), Slots(layout.Real)
Micro, Recorder, Scalar, Status = Slots(layout.Micro), Slots(layout.Recorder), Slots(layout.Scalar), Slots(layout.Status)
Wave = Slots(layout.Wave)
