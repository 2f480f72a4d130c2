"""A link as a QR code of half blocks, dark on light whatever the theme."""

from __future__ import annotations

from rich.text import Text

_BORDER = 2
# Not the terminal's own black and white, which are greys in many.
_DARK_ON_LIGHT = "#000000 on #ffffff"
_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def qr_code(link: str) -> Text:
    """Two modules a cell, one above the other, with a quiet border around them."""
    import segno

    code = segno.make(link, error="l", micro=False)
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=_BORDER)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    lines = (
        "".join(_BLOCKS[pair] for pair in zip(rows[n], rows[n + 1], strict=True))
        for n in range(0, len(rows), 2)
    )
    return Text.assemble(("\n".join(lines), _DARK_ON_LIGHT), no_wrap=True)
