"""Time and entropy as arguments, so that a run can be replayed from its seed."""

from __future__ import annotations

import os
import random
import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks that never mix: monotonic seconds to wait by, Unix seconds to write down."""

    def monotonic(self) -> float: ...

    def unix(self) -> float: ...


class Entropy(Protocol):
    """Random bytes for keys and nonces, random floats for jitter."""

    def token(self, size: int) -> bytes: ...

    def uniform(self, low: float, high: float) -> float: ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def unix(self) -> float:
        return time.time()


class SystemEntropy:
    """The kernel's random bytes."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def token(self, size: int) -> bytes:
        return os.urandom(size)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)


class SeededEntropy:
    """Reproducible entropy for simulations and tests; never for keys that matter."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)
