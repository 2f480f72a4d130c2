"""Peers that run another release, and who speaks a protocol that this one does not read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from meshdht.api.doctor_messages import Finding
from meshdht.api.messages import Peer
from meshdht.api.warning_messages import OtherVersion
from meshdht.doctor.machine import Machine, Running

NAME = "version"
# What was heard longer ago than this may have been updated since.
LATELY_S = 3600.0
_NAMED_MAX = 4


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    if running is None:
        return
    status = running.status
    lately = [each for each in status.other_versions if each.heard_age_s <= LATELY_S]
    yield from (_unreadable(each, status.protocol) for each in lately)
    told = [peer for peer in status.peers if peer.release]
    others = [peer for peer in told if peer.release != status.daemon]
    if others:
        yield _skew(others, status.daemon)
    elif told:
        share = f"{len(told)} of {len(status.peers)}"
        message = f"all peers that told their release run {status.daemon}, as this device ({share})"
        yield Finding(check=NAME, level="fine", message=message)


def _unreadable(other: OtherVersion, protocol: int) -> Finding:
    who = f"{other.device} ({other.endpoint})" if other.device else f"something at {other.endpoint}"
    outdated = "that device" if other.version < protocol else "this device"
    message = (
        f"{who} speaks version {other.version} of the protocol, this device version {protocol}:"
        f" the two cannot talk to each other until {outdated} is updated"
    )
    return Finding(check=NAME, level="problem", message=message)


def _skew(peers: Sequence[Peer], own: str) -> Finding:
    some = ", ".join(f"{peer.name} {peer.release}" for peer in peers[:_NAMED_MAX])
    more = f" and {len(peers) - _NAMED_MAX} more" if len(peers) > _NAMED_MAX else ""
    newest = max([own, *(peer.release for peer in peers)], key=_order)
    behind = [peer.name for peer in peers if peer.release != newest]
    whom = ["this device"] if own != newest else []
    whom += behind[:_NAMED_MAX] + (["others"] if len(behind) > _NAMED_MAX else [])
    message = (
        f"other releases than this device's {own} are run by {some}{more}: they talk to each other,"
        f" but may lack what {newest} has; update {' and '.join(whom)}"
    )
    return Finding(check=NAME, level="note", message=message, fix="meshdht peers")


def _order(release: str) -> tuple[tuple[int, ...], bool, str]:
    """The numbers first; of equal ones, what has nothing after them (no ``rc1``) is the newer."""
    found = re.match(r"[0-9]+(\.[0-9]+)*", release)
    numbers = found[0] if found else ""
    rest = release[len(numbers) :]
    return tuple(int(each) for each in numbers.split(".") if each), not rest, rest
