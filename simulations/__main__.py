"""``python -m simulations``."""

from __future__ import annotations

import sys

from simulations.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
