"""Whether others are reached, how, and what the NAT in between has to do with it."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding
from meshdht.api.netcheck_messages import NetCheck
from meshdht.doctor.machine import Machine, Running

NAME = "reach"
NAT = "nat"
_SYMMETRIC = ("address-dependent", "address-and-port-dependent")


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    if running is None:
        return
    yield _udp(running.netcheck)
    yield _peers(running)
    for peer in running.status.peers:
        if peer.path.kind == "relay":
            why = f": {peer.path.why}" if peer.path.why else ""
            message = f"{peer.name} is reached by a relay{why}"
            fix = f"meshdht path {peer.name}"
            yield Finding(check=NAME, level="note", message=message, fix=fix)
    yield _nat(running.netcheck)


def _udp(check: NetCheck) -> Finding:
    if check.udp == "works":
        return Finding(check=NAME, level="fine", message="UDP gets out and comes back")
    if check.udp == "blocked":
        message = "UDP gets nowhere from here; a relay with TLS on TCP 443 is needed"
        return Finding(check=NAME, level="problem", message=message, fix="meshdht netcheck")
    message = "nobody beyond this network has answered, so that nothing is known of the way out"
    return Finding(check=NAME, level="unknown", message=message)


def _peers(running: Running) -> Finding:
    peers = running.status.peers
    online = sum(peer.online for peer in peers)
    if not peers:
        message = "no other device is in the network yet"
        return Finding(check=NAME, level="note", message=message, fix="meshdht invite")
    if not online:
        message = f"none of the {len(peers)} other devices is reached"
        return Finding(check=NAME, level="problem", message=message, fix="meshdht peers")
    message = f"{online} of {len(peers)} other devices are reached"
    return Finding(check=NAME, level="fine", message=message)


def _nat(check: NetCheck) -> Finding:
    mapping = check.nat.mapping
    has_port = any(" by " in each and not each.startswith("none ") for each in check.port_mapping)
    if mapping == "unknown":
        message = "how the NAT behaves is not known yet: too few others have answered"
        return Finding(check=NAT, level="unknown", message=message)
    if mapping in _SYMMETRIC and not has_port:
        message = (
            "a symmetric NAT is in between: others behind one are reached by a relay alone"
            " (let the router open ports: UPnP, NAT-PMP or PCP)"
        )
        return Finding(check=NAT, level="note", message=message, fix="meshdht netcheck")
    return Finding(check=NAT, level="fine", message=check.summary or "the NAT is no hindrance")
