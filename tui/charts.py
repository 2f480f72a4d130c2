"""Numbers as pictures made of characters: bars, areas, lines. Pure, and free of Textual."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

# A cell of Braille has two columns of four dots; the bits of each column, from below.
LEFT, RIGHT = (0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08)
BLANK = 0x2800
# What was asked and not answered: a gap.
LOST = math.nan


def answered(values: Iterable[float]) -> list[float]:
    """Those that are not ``LOST``."""
    return [value for value in values if not math.isnan(value)]


def spark(values: Sequence[float], width: int, *, floor: float = 0.0) -> str:
    """The last ``2 * width`` values as one line of Braille, four dots the tallest and one at least.
    ``floor`` is the share of the least that has no height: small differences show by it."""
    shown = list(values)[-2 * width :] if width > 0 else []
    bottom = floor * min(answered(shown), default=0.0)
    top = max(answered(shown), default=0.0) - bottom
    dots = [0 if math.isnan(each) else max(1, _dots(each - bottom, top, 4)) for each in shown]
    if len(dots) % 2:
        dots.insert(0, 0)
    return "".join(
        chr(BLANK | sum(LEFT[:left]) | sum(RIGHT[:right]))
        for left, right in zip(dots[::2], dots[1::2], strict=True)
    )


def area(values: Sequence[float], width: int, height: int, top: float) -> list[str]:
    """The last ``2 * width`` values as a filled area of Braille, the newest at the right; ``top``
    fills it. A value above nothing shows a dot at least. Lines from the top down."""
    shown = list(values)[-2 * width :]
    blank = 2 * width - len(shown)
    heights = [0] * blank + [_dots(value, top, 4 * height) for value in shown]
    lines = []
    for line in range(height - 1, -1, -1):
        cells = []
        for cell in range(width):
            code = BLANK
            for column, bits in ((0, LEFT), (1, RIGHT)):
                filled = min(4, max(0, heights[2 * cell + column] - 4 * line))
                code |= sum(bits[:filled])
            cells.append(chr(code))
        lines.append("".join(cells))
    return lines


def _dots(value: float, top: float, most: int) -> int:
    if math.isnan(value) or value <= 0 or top <= 0:
        return 0
    return max(1, min(most, round(value / top * most)))
