"""Whether the firewall of this machine lets the network's packets in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshdht.api.doctor_messages import Finding, Level
from meshdht.doctor.iptables import Base, listings
from meshdht.doctor.machine import (
    BEACON_PORT,
    OWN_PORTS,
    Firewall,
    Machine,
    Running,
    port_of,
)
from meshdht.doctor.packet_filter import Packet, Ruleset, Verdict

NAME = "firewall"
_ORDER = (Verdict.ACCEPTED, Verdict.MAYBE, Verdict.DROPPED)


def judge(machine: Machine, running: Running | None) -> Iterator[Finding]:
    firewall, port = machine.firewall, port_of(machine, running)
    yield from _own(machine, running, OWN_PORTS if port is None else str(port))
    yield from _beacons(machine)
    yield from _lent(machine, running)
    if firewall.legacy_trouble:
        message = f"rules of the old iptables cannot be read: {firewall.legacy_trouble}"
        fix = "sudo meshdht doctor" if machine.uid else "sudo iptables-legacy -S"
        yield Finding(check=NAME, level="unknown", message=message, fix=fix)


def _own(machine: Machine, running: Running | None, ports: str) -> Iterator[Finding]:
    """``ports``: the network's, or the first and last of those of which it draws one."""
    firewall, verdict = machine.firewall, _verdict(machine, int(ports.partition("-")[0]))
    named = f"UDP port {ports}" if "-" not in ports else f"UDP ports {ports} (it takes one of them)"
    if verdict is None:
        message = f"the firewall's rules cannot be read: {firewall.trouble}"
        fix = "sudo meshdht doctor" if machine.uid else ""
        yield Finding(check=NAME, level="unknown", message=message, fix=fix)
    elif verdict is Verdict.DROPPED:
        # Those who are met by a punched hole are met all the same; nobody else is.
        direct = running is not None and running.reaches_directly
        message = f"the firewall lets no new packet in to {named}"
        level: Level = "note" if direct else "problem"
        yield Finding(check=NAME, level=level, message=message, fix=_let_in(machine, ports))
    elif verdict is Verdict.MAYBE:
        message = f"the firewall drops some of the packets to {named}"
        yield Finding(check=NAME, level="note", message=message, fix=_let_in(machine, ports))
    else:
        yield Finding(check=NAME, level="fine", message=f"what comes to {named} is let in")


def _beacons(machine: Machine) -> Iterator[Finding]:
    if _verdict(machine, BEACON_PORT) is Verdict.DROPPED:
        message = f"devices on the LAN are found late: UDP port {BEACON_PORT} is not let in"
        fix = _let_in(machine, BEACON_PORT)
        yield Finding(check=NAME, level="note", message=message, fix=fix)


def _lent(machine: Machine, running: Running | None) -> Iterator[Finding]:
    """A relay that nobody gets in to is none."""
    if running is None or not running.status.relay.offered:
        return
    ports = machine.settings.relay_ports
    if _verdict(machine, int(ports.partition("-")[0])) is Verdict.DROPPED:
        message = f"this device offers itself as a relay, and UDP ports {ports} are not let in"
        fix = _let_in(machine, ports)
        yield Finding(check=NAME, level="problem", message=message, fix=fix)


def _verdict(machine: Machine, port: int) -> Verdict | None:
    """What becomes of a new packet to a port, which has to pass both sorts of rules; None: those
    of nftables are not known, and the old iptables' do not drop it."""
    verdict = _new_verdict(machine, port)
    dropping = [_ORDER.index(each) for each in _legacy_verdicts(machine, port).values()]
    if dropping:
        worst = _ORDER[max(dropping)]
        return worst if verdict is None or _ORDER.index(worst) > _ORDER.index(verdict) else verdict
    return verdict


def _new_verdict(machine: Machine, port: int) -> Verdict | None:
    firewall = machine.firewall
    if firewall.ufw is not None and (by_ufw := _ufw_verdict(firewall.ufw, port)) is not None:
        # Its rules are written for iptables, and nftables cannot spell all of them.
        return by_ufw
    if firewall.ruleset is None:
        return None
    return Ruleset(firewall.ruleset).verdict(Packet(port, tuple(machine.ways_out)))


def _legacy_verdicts(machine: Machine, port: int) -> dict[Base, Verdict]:
    """The chains of the old iptables that drop a new packet to a port, or some of them."""
    firewall, packet = machine.firewall, Packet(port, tuple(machine.ways_out))
    if firewall.ufw is not None and _ufw_verdict(firewall.ufw, port) is not None:
        return {}  # they are ufw's
    found = {
        base: Ruleset(each).verdict(packet) for base, each in listings(firewall.legacy).items()
    }
    return {base: each for base, each in found.items() if each is not Verdict.ACCEPTED}


def _ufw_verdict(status: str, port: int) -> Verdict | None:
    """What ``ufw status verbose`` says of a port; None while ufw is off."""
    if "Status: active" not in status:
        return None
    for line in status.splitlines():
        rule = re.match(r"(?P<low>\d+)(:(?P<high>\d+))?(/(?P<protocol>\w+))?\s+(?P<rest>.*)", line)
        if rule is None or rule["protocol"] not in (None, "udp"):
            continue
        if not int(rule["low"]) <= port <= int(rule["high"] or rule["low"]):
            continue
        everybody = "Anywhere" in rule["rest"]
        if rule["rest"].startswith("ALLOW"):
            return Verdict.ACCEPTED if everybody else Verdict.MAYBE
        if rule["rest"].startswith(("DENY", "REJECT")) and everybody:
            return Verdict.DROPPED
    accepts = re.search(r"Default: allow \(incoming\)", status)
    return Verdict.ACCEPTED if accepts else Verdict.DROPPED


def _let_in(machine: Machine, ports: int | str) -> str:
    firewall, first = machine.firewall, int(str(ports).partition("-")[0])
    if firewall.ufw is not None and "Status: active" in firewall.ufw:
        return f"sudo ufw allow {str(ports).replace('-', ':')}/udp"
    if firewall.has_firewalld:
        return f"sudo firewall-cmd --permanent --add-port={ports}/udp && sudo firewall-cmd --reload"
    commands = [
        f"sudo iptables-legacy -t {table} -I {chain} -p udp --dport"
        f" {str(ports).replace('-', ':')} -j ACCEPT"
        for table, chain in _legacy_verdicts(machine, first)
    ]
    if _new_verdict(machine, first) is not Verdict.ACCEPTED and firewall.ruleset is not None:
        chain = _input_chain(firewall)
        commands.append(f"sudo nft insert rule {chain} udp dport {ports} accept")
    return " && ".join(commands)


def _input_chain(firewall: Firewall) -> str:
    """The chain that drops; the first one that is hooked in, if none does so by its policy."""
    found = []
    for each in (firewall.ruleset or {}).get("nftables", ()):
        chain = each.get("chain", {})
        if chain.get("hook") == "input" and chain.get("family") in ("inet", "ip"):
            name = f"{chain['family']} {chain['table']} {chain['name']}"
            found.append((chain.get("policy") != "drop", name))
    return min(found)[1] if found else "inet filter input"
