"""systemd's commands, and where its files lie below a root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from meshdht.api.errors import ApiError

TIMEOUT_S = 120.0
# The administrator's units, then those of packages: what stands first counts.
UNIT_DIRS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
_CLD_EXITED = "1"  # sigaction(2): it ended by itself, and not by a signal
BOOTED = Path("/run/systemd/system")


def is_booted() -> bool:
    """Whether systemd is this machine's service manager: sd_booted(3)."""
    return BOOTED.is_dir()


def unit_file(name: str) -> Path | None:
    """Where a unit's file is, if there is one."""
    return next((path for place in UNIT_DIRS if (path := place / name).exists()), None)


def systemctl(*arguments: str) -> str:
    """Run systemctl; raises ApiError with what it says."""
    return run("systemctl", "--no-ask-password", *arguments)


def units_of(templates: Sequence[str]) -> list[str]:
    """The instances of the templates that start at boot or run now."""
    patterns = [f"{template}@*.service" for template in templates]
    listed = systemctl("list-units", "--all", "--plain", "--no-legend", *patterns)
    found = {line.split()[0] for line in listed.splitlines() if line.strip()}
    for place in sorted(UNIT_DIRS[0].glob("*.wants")):
        for template in templates:
            found |= {path.name for path in place.glob(f"{template}@*.service")}
    return sorted(found)


def why_failed(unit: str) -> tuple[str, int]:
    """The last thing that the unit's service said of itself, or the result that systemd has; and
    the exit code that it ended with, or 1."""
    said = systemctl("show", "--property=StatusText,Result,ExecMainCode,ExecMainStatus", unit)
    fields = dict(line.partition("=")[::2] for line in said.splitlines())
    why = fields.get("StatusText") or fields.get("Result", "")
    exited = fields.get("ExecMainCode") == _CLD_EXITED
    return why, int(fields.get("ExecMainStatus") or 0) or 1 if exited else 1


def run(*command: str) -> str:
    """Run a tool of the system to its end; raises ApiError with the last line that it says."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise ApiError(f"there is no {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise ApiError(f"{' '.join(command)}: not done after {TIMEOUT_S:.0f} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        reason = said[-1].strip() if said else f"exit code {done.returncode}"
        raise ApiError(f"{' '.join(command)}: {reason}")
    return done.stdout
