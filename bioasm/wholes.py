"""Detection of integers that a 64-bit float would round, in spellings and JSON."""

from __future__ import annotations

import re

_SHORTEST = 16  # digits of 2^53 + 1, the first that is rounded
_BEYOND_FLOATS = 400  # digits; the largest float has 309
_WHOLE = re.compile(rf"[+-]?[0-9]{{{_SHORTEST},}}")
_WHOLE_WORD = re.compile(rb"(?<![^\s,:\[])[+-]?[0-9]{16,}(?![^\s,\]}])")


class Rounded(ValueError):
    """An integer that a 64-bit float can't represent; `hint` has the nearest representable one."""

    def __init__(self, value: int) -> None:
        super().__init__(f"{_shown(value)} has more than the 53 binary digits of a 64-bit float")
        self.value = value
        self.hint = f"the nearest number that is a 64-bit float is {_shown(int(float(value)))}"


def _shown(value: int) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def rounded(spelled: str, tens: int = 0) -> Rounded | None:
    """The rounding of a number written as a whole one, in a unit of a power of ten from 0 on; None where there is none.

    The digits as they are written count: what a unit does to their last place is rounding.
    """
    digits = spelled.replace("_", "")
    if tens < 0 or not _WHOLE.fullmatch(digits) or len(digits) > 330:
        return None
    value = int(digits)
    try:
        return None if int(float(value)) == value else Rounded(value)
    except OverflowError:  # larger than any float, which is told elsewhere
        return None


def whole_number(spelled: str) -> int:
    """A whole number of a JSON file. Raises Rounded; for `json.loads(parse_int=...)`.

    Of more digits than any float has, so many are read that it stays too large for one: Python reads 4300 at most.
    """
    fault = rounded(spelled)
    if fault is not None:
        raise fault
    return int(spelled[:_BEYOND_FLOATS])


def rounded_words(content: bytes) -> list[tuple[int, int, Rounded]]:
    """The whole numbers of a text that would be rounded: where each starts and ends, and what is wrong with it."""
    found = ((word.start(), word.end(), rounded(word[0].decode())) for word in _WHOLE_WORD.finditer(content))
    return [(start, end, fault) for start, end, fault in found if fault is not None]
