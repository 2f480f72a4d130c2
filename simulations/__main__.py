"""``python -m simulations``."""

from __future__ import annotations

import os
import sys

from simulations.command import main

# What a thousand nodes are made of lies all over half a gigabyte. In huge pages the processor finds
# it sooner: a tenth of the time. Both are read when a process starts.
IN_HUGE_PAGES = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}

if __name__ == "__main__":
    if not IN_HUGE_PAGES.keys() & os.environ.keys():
        os.execve(sys.executable, sys.orig_argv, os.environ | IN_HUGE_PAGES)
    sys.exit(main(sys.argv[1:]))
