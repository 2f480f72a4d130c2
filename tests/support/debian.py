"""Programs of Debian packages that are not installed: unpacked, and run from where they lie.

So that what takes over a machine's names, when installed, cannot take over the one that tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from fcntl import LOCK_EX, flock
from pathlib import Path

from tests.support.network import outside

CACHE = Path(os.environ.get("MESHDHT_DEBIAN_CACHE", "~/.cache/meshdht-debian")).expanduser()


def unpacked(*packages: str) -> Path:
    """A directory that has the files of these packages, as / would; fetched at the first use."""
    tree = CACHE / "+".join(packages)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        flock(lock, LOCK_EX)  # of several processes that want it, one fetches it
        if not tree.exists():
            _fetch(packages, tree)
    return tree


def _fetch(packages: Sequence[str], tree: Path) -> None:
    partial = CACHE / f"partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages]
    _run(*outside(), *download, cwd=partial)
    for archive in partial.glob("*.deb"):
        _run("dpkg-deb", "--extract", str(archive), str(partial / "tree"), cwd=partial)
    (partial / "tree").rename(tree)
    shutil.rmtree(partial)


def _run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, timeout=100)
