"""What a relay costs: TCP between two devices by a relay whose kernel passes it on, by one whose
daemon does, and directly, on one machine. ``python -m tests.bench.relay`` (as root).

All device ends run the embedded engine or the kernel's, as this machine has it; the relay has no
part in the encryption.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import behind_nat, connect, eventually, public
from tests.lab.relays import (
    TRANSFER_S,
    busy_s,
    configure,
    first_ping,
    hard,
    kind_of,
    offers,
    transfer,
    without_nft,
)

ROUNDS = 3
# Until all have heard who relays.
SETTLE_S = 3.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One way, in each of the rounds."""

    way: str
    mbit: list[float]
    relay_s: list[float]
    """Processor seconds of the relay's daemon in one transfer."""


def by_relay(forwarder: str) -> Figure:
    with World() as world:
        internet = world.switch("internet")
        vps = public(world, internet, "vps", 2)
        if forwarder == "plain":
            without_nft(vps)
        nas, laptop = hard(world, internet)
        vps.init("home")
        vps.must("down")
        configure(vps, "relay_mbit = 0")
        vps.must("up")
        for device in (nas, laptop):
            device.join(vps.invite(device.name))
        assert eventually(lambda: offers(vps))
        assert vps.status()["relay"]["forwarder"] == forwarder
        time.sleep(SETTLE_S)
        first_ping(laptop, nas)
        assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "vps"))
        return measured(f"relay, {forwarder}", laptop, nas, vps)


def directly() -> Figure:
    with World() as world:
        internet = world.switch("internet")
        vps = public(world, internet, "vps", 2)
        nas = behind_nat(world, internet, "nas", 10)
        laptop = behind_nat(world, internet, "laptop", 11)
        connect(vps, nas, laptop)
        first_ping(laptop, nas)
        assert eventually(lambda: kind_of(laptop, "nas")[0] == "direct")
        return measured("direct", laptop, nas, vps)


def measured(way: str, source: Device, target: Device, relay: Device) -> Figure:
    figure = Figure(way, [], [])
    for _ in range(ROUNDS):
        before_s = busy_s(relay)
        figure.mbit.append(transfer(source, target))
        figure.relay_s.append(busy_s(relay) - before_s)
    return figure


def main() -> None:
    print(f"Linux {platform.release()}, {os.cpu_count()} processors, Python", end=" ")
    print(f"{platform.python_version()}; {ROUNDS} transfers of {TRANSFER_S} s each way")
    print(f"{'way':<16}{'Mbit/s':>28}{'daemon of the relay, s':>28}")
    for figure in (by_relay("nftables"), by_relay("plain"), directly()):
        mbit = " ".join(f"{each:6.0f}" for each in figure.mbit)
        used = " ".join(f"{each:5.2f}" for each in figure.relay_s)
        print(f"{figure.way:<16}{mbit:>28}{used:>28}", flush=True)


if __name__ == "__main__":
    main()
