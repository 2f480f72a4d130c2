"""What it costs to fold a membership log, by its size, and how long one of ten years takes when a
device starts.

python -m tests.bench.folding
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from meshdht.crypto.keys import verify_ed25519
from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from tests.membership.growth import cost, fleet, years

SIZES = (10, 100, 1000)
# Devices that a household has seen when its log has about 5,000 statements.
TEN_YEARS = 2140
KINDS: dict[str, Callable[[int], MembershipLog]] = {"devices": fleet, "years": years}


def by_size(kind: str, sizes: Sequence[int]) -> list[str]:
    """The cost in calls of functions, which no load on the machine changes; the last column would
    be constant if it were n log n exactly."""
    rows = []
    for size in sizes:
        log = KINDS[kind](size)
        calls, statements = cost(log), len(log)
        ratio = calls / (statements * math.log2(statements))
        rows.append(f"{kind:<8}{size:>8,}{statements:>12,}{calls:>12,}{ratio:>20.1f}")
    return rows


def cold_start(size: int) -> str:
    """Milliseconds of CPU until a log that lies on disk is a roster: signatures, then the fold."""
    written = years(size)
    stored = [each.raw for each in written]
    verify_ed25519.cache_clear()  # as in a process that has verified nothing yet
    begun = time.process_time()
    log = MembershipLog(written.network)
    for raw in stored:
        log.add(raw)
    read = time.process_time()
    roster = Folder().fold(log)
    folded = time.process_time()
    return (
        f"{len(stored):,} statements, {len(roster):,} devices in and {len(roster.removed):,} out:"
        f" read in {1000 * (read - begun):.0f} ms, folded in {1000 * (folded - read):.0f} ms"
    )


def table(sizes: Sequence[int] = SIZES, ten_years: int = TEN_YEARS) -> str:
    """All of it, as text."""
    title = f"{'log':<8}{'devices':>8}{'statements':>12}{'calls':>12}{'calls / (n log n)':>20}"
    rows = [row for kind in KINDS for row in by_size(kind, sizes)]
    return "\n".join([title, *rows, "", cold_start(ten_years)])


if __name__ == "__main__":
    print(table())
