"""The live view of one daemon, by its socket: ``python -m meshdht_tui SOCKET``."""

from __future__ import annotations

import sys
from pathlib import Path

from .app import run

if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
