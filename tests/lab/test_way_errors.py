"""Why a way to a peer does not work, as the kernel and the routers say it: ``meshdht path``."""

from __future__ import annotations

import json

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import behind_nat, connect, eventually, public


def errors(device: Device, peer: str) -> dict[str, str]:
    """By endpoint, the last error of each way to a peer."""
    report = device.meshdht("path", peer, "--json").stdout
    return {each["endpoint"]: each["error"] for each in json.loads(report)["pairs"]}


def test_a_way_that_a_firewall_or_a_missing_route_blocks_is_told_in_words(world: World) -> None:
    internet = world.switch("internet")
    vps = public(world, internet, "vps", 2)
    nas = behind_nat(world, internet, "nas", 10)
    connect(vps, nas)
    assert nas.reaches(vps.addresses()[0]) is not None
    port, outside = nas.status()["listen_port"], vps.status()["listen_port"]
    here, there = f"203.0.113.10:{port}", f"203.0.113.2:{outside}"
    assert eventually(lambda: errors(nas, "vps").get(there) == "")
    assert eventually(lambda: errors(vps, "nas").get(here) == "")

    # A router that says why it passes nothing on.
    router = world.hosts["router-of-nas"]
    hook = "type filter hook forward priority filter - 1;"
    reject = f"udp dport {outside} reject with icmp admin-prohibited"
    router.run(["nft", f"table ip no {{ chain no {{ {hook} {reject}; }}; }}"])
    said = "forbidden by a firewall or a router, says 192.168.10.1"
    assert eventually(lambda: errors(nas, "vps").get(there) == said), nas.must("path", "vps")
    assert said in nas.meshdht("path", "vps").stdout
    router.run(["nft", "delete table ip no"])
    # What is answered since is no error any more.
    nas.must("ping", "vps", "--count", "1")
    assert eventually(lambda: errors(nas, "vps")[there] == "")

    # A firewall on the machine itself.
    hook = "type filter hook output priority filter;"
    drop = f"ip daddr 203.0.113.10 udp dport {port} drop"
    vps.host.run(["nft", f"table ip no {{ chain no {{ {hook} {drop}; }}; }}"])
    vps.meshdht("ping", "nas", "--count", "1")  # it proves an idle path every half minute alone
    said = "forbidden by a firewall of this machine"
    assert eventually(lambda: errors(vps, "nas").get(here) == said), vps.must("path", "nas")
    vps.host.run(["nft", "delete table ip no"])

    # No way at all.
    nas.host.ip("route del default", "route add blackhole 198.51.100.0/24")
    said = "this machine has no route there"
    assert eventually(lambda: errors(nas, "vps").get(there) == said), nas.must("path", "vps")
