"""Programs of the machine that are run to their end."""

from __future__ import annotations

import asyncio
import shutil

from meshdht.errors import PlatformError

# They need milliseconds, on a busy machine more.
TIMEOUT_S = 10.0


async def run_command(program: str, *arguments: str, said: str = "", hint: str = "") -> None:
    """Run one that is fed ``said``; raises PlatformError with the first line of what it complains
    of, and ``hint``."""
    path = shutil.which(program)
    if path is None:
        raise PlatformError(f"there is no {program}", "install the package that has it")
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise PlatformError(f"{program} does not run: {error}") from None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, complaint = await process.communicate(said.encode())
    except TimeoutError:
        raise PlatformError(f"{program} takes more than {TIMEOUT_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = complaint.decode(errors="replace").splitlines() or ["no reason given"]
        raise PlatformError(f"{program}: {lines[0]}", hint)
