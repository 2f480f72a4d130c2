"""What may keep this device from its mesh, as its daemon sees it: more than a user may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

from meshdht.api.doctor_messages import Diagnosis
from meshdht.api.messages import Status
from meshdht.api.netcheck_messages import NetCheck
from meshdht.clock import Clock
from meshdht.doctor.examine import examine
from meshdht.doctor.machine import Running
from meshdht.doctor.reading import read_machine


async def diagnosis(
    network: str,
    directory: Path,
    status: Awaitable[Status],
    netcheck: Awaitable[NetCheck],
    clock: Clock,
) -> Diagnosis:
    """Look at this machine while the network around it is looked at; ``directory`` holds the
    network's state."""
    begun = clock.monotonic()
    machine, check = await asyncio.gather(
        asyncio.to_thread(read_machine, directory.parent, directory.name), netcheck
    )
    findings = examine(machine, Running(await status, check))
    took_s = round(clock.monotonic() - begun, 2)
    return Diagnosis(network=network, daemon=True, findings=findings, took_s=took_s)
