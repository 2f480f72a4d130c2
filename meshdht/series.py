"""What was measured of late, in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Literal

from meshdht.limits import SAMPLES_REMEMBERED


class Series:
    """The last SAMPLES_REMEMBERED samples: a whole second each, of a clock that the caller chooses,
    and some numbers. Arrays, made when first needed: 4 to 8 bytes a number."""

    def __init__(self, *kinds: Literal["Q", "f"]) -> None:
        """``kinds``: of each number, "Q" for a count below 2**64, "f" for a float of 32 bits."""
        self._kinds = kinds
        self._columns: list[array[Any]] = []

    @property
    def seconds(self) -> Sequence[int]:
        """When each sample was taken, the oldest first."""
        return self._columns[0] if self._columns else ()

    @property
    def columns(self) -> Sequence[Sequence[Any]]:
        """What was measured then: one column for each kind."""
        return self._columns[1:] or tuple(() for _ in self._kinds)

    def add(self, second: int, *values: float) -> None:
        """Another sample; the oldest makes room."""
        if not self._columns:
            self._columns = [array(kind) for kind in ("I", *self._kinds)]
        for column, value in zip(self._columns, (second, *values), strict=True):
            if len(column) >= SAMPLES_REMEMBERED:
                del column[0]
            column.append(value)

    def grow(self, second: int, *values: float) -> None:
        """The same, but all of one second is one sample: their sum."""
        if not self._columns or self._columns[0][-1] != second:
            self.add(second, *values)
            return
        for column, value in zip(self._columns[1:], values, strict=True):
            column[-1] += value
