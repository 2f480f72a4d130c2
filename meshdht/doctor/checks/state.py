"""The state directory: keys are for their owner alone, and the disk must take what is written."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.doctor.machine import Machine, Running

NAME = "state"
FREE_MIN_BYTES = 64 * 1024 * 1024
_FOR_OTHERS = 0o077


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    state = machine.state
    if state is None:
        return
    directory = shlex.quote(str(state.directory))
    if state.trouble:
        message = f"{state.directory}: {state.trouble}"
        yield Finding(check=NAME, level="unknown", message=message)
        return
    findings = []
    if open_ones := [each for each in state.files if each.mode & _FOR_OTHERS]:
        others = f" and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
        findings.append((f"{open_ones[0].path}{others} can be read by others", "chmod -R go="))
    if any(each.uid != state.files[0].uid for each in state.files):
        findings.append(
            ("files of the state belong to different users", f"chown -R --reference={directory}")
        )
    for message, command in findings:
        fix = f"sudo {command} {directory}"
        yield Finding(check=NAME, level="problem", message=message, fix=fix)
    if not state.writable:
        message = f"{state.directory} cannot be written to"
        fix = f"mount | grep ' ro,'; ls -ld {directory}"
        yield Finding(check=NAME, level="problem", message=message, fix=fix)
    elif state.free_bytes is not None and state.free_bytes < FREE_MIN_BYTES:
        message = f"the disk of {state.directory} is nearly full"
        yield Finding(check=NAME, level="problem", message=message, fix=f"df -h {directory}")
    elif not findings:
        message = f"{state.directory} is for its owner alone"
        yield Finding(check=NAME, level="fine", message=message)
