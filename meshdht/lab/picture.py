"""A picture of the live view on a device of the demo's mesh, for the documents.

sudo .venv/bin/python -m meshdht.lab.picture docs/live-view.svg
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from meshdht.lab.demo import NETWORK, build, prove
from meshdht.lab.story import Story
from meshdht.lab.world import World

COMMAND = [sys.executable, "-P", "-m", "meshdht"]
SCREENSHOT = [sys.executable, "-P", "-m", "meshdht_tui.screenshot"]
COLUMNS, LINES = 100, 18


def take(out: Path) -> None:
    """Build the mesh, let it work a little, and write what the laptop's live view shows."""
    with World() as world, tempfile.TemporaryDirectory() as folder:
        story = Story(sys.stderr)
        devices = build(world, COMMAND, story)
        prove(devices, story)
        drawn = Path(folder, "view.svg")
        socket = ["--socket", f"/run/meshdht/{NETWORK}.sock"]
        size = ["--columns", str(COLUMNS), "--lines", str(LINES)]
        devices["laptop"].host.run([*SCREENSHOT, str(drawn), *socket, *size])
        out.write_bytes(drawn.read_bytes())


if __name__ == "__main__":
    take(Path(sys.argv[1]))
