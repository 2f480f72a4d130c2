"""What the membership log of years costs a start: reading it from the disk, and folding it.

    python -m tests.bench.membership_log

A log as an active household writes it: devices come, are tagged and renamed, and a third of them
is revoked. Then one in which two admins contradict each other ten times, some of which have the
log folded again. *Verified* is the first start of a version that marks what it has verified: every
signature is checked. *Read* is each start after that. Seconds differ between machines; the ratio to
the log before says how the cost grows.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from meshdht.crypto import keys
from meshdht.crypto.derive import message_digest
from meshdht.daemon.persistence import read_log
from meshdht.membership.administration import RemoveAdminBody, RenameBody, TagBody
from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from meshdht.store.rows import StatementRow
from meshdht.store.store import Store
from tests.membership.household import Household, signing_key

SIZES = (10, 100, 1_000, 5_000, 10_000)
CONTRADICTIONS = 10
FOUNDER = signing_key(0).log_key


class Cost(NamedTuple):
    """Of one log: its size, and seconds."""

    statements: int
    devices: int
    verifying_s: float
    reading_s: float
    folding_s: float


def years(size: int, contradictions: int = 0) -> list[bytes]:
    """The statements of a log of at least so many, in an order in which they could arrive."""
    household = Household()
    household.with_admins(1)
    device, contradicted = 2, 0
    while len(household.log) < size:
        key = signing_key(device).public
        household.invite(device)
        household.admit(device, device)
        household.write(TagBody(key, ("server",)))
        household.write(RenameBody(key, f"box-{device}"), author=1)
        if device % 3 == 0:
            household.revoke(device, author=1)
        if contradictions * len(household.log) // size > contradicted:
            contradicted += 1
            start = household.log.heads()
            household.write(RemoveAdminBody(signing_key(1).public), parents=start)
            household.invite(0, author=1, parents=start)
            household.grant(1)
        device += 1
    return [statement.raw for statement in household.log]


def measure(statements: Sequence[bytes], directory: Path) -> Cost:
    """The least of three of each; ``directory`` is for databases."""
    network = Household().log.network

    async def open_log(path: Path) -> tuple[MembershipLog, float]:
        async with Store.open(path) as store:
            start = time.perf_counter()
            log = await read_log(store, network, FOUNDER)
            return log, time.perf_counter() - start

    async def start_thrice() -> tuple[MembershipLog, float, float]:
        verifying, reading = [], []
        for number in range(3):
            path = directory / f"{number}.db"
            async with Store.open(path) as store:
                await store.append_statements(
                    StatementRow(message_digest("statement", raw), raw, None) for raw in statements
                )
            keys.verify_ed25519.cache_clear()
            verifying.append((await open_log(path))[1])
            log, seconds = await open_log(path)
            reading.append(seconds)
        return log, min(verifying), min(reading)

    log, verifying_s, reading_s = asyncio.run(start_thrice())
    devices = len(Folder().fold(log))
    folding_s = _timed(lambda: Folder().fold(log))
    return Cost(len(statements), devices, verifying_s, reading_s, folding_s)


def _timed(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def table(sizes: Sequence[int], contradictions: int) -> list[str]:
    """A line a size."""
    lines, before = [], None
    for size in sizes:
        with TemporaryDirectory() as directory:
            cost = measure(years(size, contradictions), Path(directory))
        line = (
            f"{cost.statements:6} statements, {cost.devices:5} devices: verified in "
            f"{cost.verifying_s:.3f} s, read in {cost.reading_s:.3f} s, "
            f"folded in {cost.folding_s:.3f} s"
        )
        if before is not None:
            more = cost.statements / before.statements
            reading = cost.reading_s / before.reading_s
            folding = cost.folding_s / before.folding_s
            line += f" ({more:.1f} times the statements: {reading:.1f} and {folding:.1f} times)"
        lines.append(line)
        before = cost
    return lines


def main() -> None:
    for contradictions in (0, CONTRADICTIONS):
        sys.stdout.write(f"{contradictions} contradictions\n")
        sys.stdout.write("\n".join(table(SIZES, contradictions)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
