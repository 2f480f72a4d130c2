"""Steps that tests and benches of relays share."""

from __future__ import annotations

import json
import time
from typing import Any

from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.world import World
from tests.lab.homes import behind_nat, eventually

TRANSFER_S = 3


def kind_of(device: Device, peer: str) -> tuple[str, str | None]:
    """What kind of path leads to a peer, and which relay it is."""
    path = device.peer(peer)["path"]
    return path["kind"], path["relay"]


def table(relay: Device) -> list[Any]:
    """The nftables rules by which a relay forwards; empty if there are none."""
    listed = relay.host.run(["nft", "-j", "list", "ruleset"]).stdout
    found: list[Any] = json.loads(listed)["nftables"]
    return [each["rule"]["expr"] for each in found if "rule" in each]


def forwarded(relay: Device) -> int:
    """Bytes that a relay's kernel has passed on, by its rules as they are now."""
    counters = [each["counter"] for rule in table(relay) for each in rule if "counter" in each]
    return sum(each["bytes"] for each in counters)


def busy_s(relay: Device) -> float:
    """Processor seconds that the relay's daemon has used."""
    pid = relay.host.run(["pgrep", "-f", "meshdht.daemon"]).stdout.split()[0]
    fields = relay.host.run(["cat", f"/proc/{pid}/stat"]).stdout.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def transfer(source: Device, target: Device) -> float:
    """TCP from one device to another: Mbit/s."""
    address = target.addresses()[0]
    server = target.host.popen(["iperf3", "--server", "--one-off", "--bind", address])
    assert eventually(lambda: bool(target.host.run(["ss", "-Hltn", "sport = :5201"]).stdout))
    said = source.host.run(["iperf3", "--client", address, "--time", str(TRANSFER_S), "--json"])
    server.check(server.complete())
    return float(json.loads(said.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e6


def hard(world: World, internet: Switch) -> tuple[Device, Device]:
    """Two that no filter lets in."""
    return (
        behind_nat(world, internet, "nas", 10, "symmetric"),
        behind_nat(world, internet, "laptop", 11, "symmetric"),
    )


def offers(relay: Device) -> bool:
    return bool(relay.status()["relay"]["offered"])


def first_ping(source: Device, target: Device) -> float:
    """Seconds until a ping from a device that has no path yet is answered."""
    address = target.addresses()[0]
    started = time.monotonic()
    assert source.reaches(address) is not None
    return time.monotonic() - started


def configure(device: Device, line: str) -> None:
    """What the next start of the network "home" reads."""
    device.host.run(["tee", "/var/lib/meshdht/home/config.toml"], input=line + "\n")


def without_nft(relay: Device) -> None:
    """Have a machine's nft do nothing but fail."""
    relay.host.run(["sh", "-c", "mount --bind /dev/null $(readlink -f $(command -v nft))"])
