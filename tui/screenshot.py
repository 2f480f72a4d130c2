"""Record a picture of the live view: ``python -m meshdht_tui.screenshot OUT.svg --socket PATH``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from meshdht.api.errors import ApiError

from .app import MeshdhtApp


async def record(socket_path: Path, size: tuple[int, int], wait_s: float) -> str:
    """The view of the daemon at ``socket_path``, after ``wait_s`` seconds, as SVG."""
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(wait_s)
        if app.ledger.problem is not None:
            raise app.ledger.problem
        return app.export_screenshot(title="meshdht")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m meshdht_tui.screenshot")
    parser.add_argument("out", type=Path, help="the SVG file to write")
    parser.add_argument("--socket", type=Path, required=True, help="the daemon's socket")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--lines", type=int, default=24)
    parser.add_argument("--wait", type=float, default=5.0, help="seconds to watch first")
    options = parser.parse_args()
    size = options.columns, options.lines
    try:
        svg = asyncio.run(record(options.socket, size, options.wait))
    except ApiError as error:
        sys.stderr.write(f"meshdht: {error.message}\n  try: {error.hint}\n")
        return error.exit_code
    options.out.write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
