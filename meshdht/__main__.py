"""The command ``meshdht``."""

from __future__ import annotations

import sys

from meshdht.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
