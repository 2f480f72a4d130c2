"""Runs that are done, in a directory: who was cut off goes on from there."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_SOURCES = Path(__file__).parent.parent


class Kept:
    """What functions gave for their cases, by the source that they ran; of another source,
    nothing counts. It reads by ``pickle``: the directory must be one's own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    async def made(self, work: Callable[[*Ts], Coroutine[Any, Any, T]], case: tuple[*Ts]) -> T:
        """What ``work`` gives for a case; it is run only once."""
        what = f"{work.__module__} {work.__qualname__} {case!r} {_source()}"
        path = self._directory / hashlib.blake2b(what.encode(), digest_size=16).hexdigest()
        if path.exists():
            kept: T = pickle.loads(path.read_bytes())
            return kept
        result = await work(*case)
        # Whole or not at all, whenever it is cut off.
        half = path.with_suffix(".half")
        half.write_bytes(pickle.dumps(result))
        half.rename(path)
        return result


@cache
def _source() -> str:
    """Of all that a run may execute of ours."""
    digest = hashlib.blake2b(digest_size=16)
    for package in ("meshdht", "simulations"):
        for path in sorted((_SOURCES / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
