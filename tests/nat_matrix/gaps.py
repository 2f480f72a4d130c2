"""What a stream loses when something happens to its path, and what the hardest pair costs.

python -m tests.nat_matrix.gaps                          # all of them
python -m tests.nat_matrix.gaps relay-killed --runs 3
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from meshdht.lab.device import Device
from meshdht.lab.process import LabError
from meshdht.lab.world import World
from tests.lab.homes import eventually
from tests.lab.traffic import Traffic
from tests.nat_matrix.situations import HELPER, Internet, Placed, populate

TRAFFIC_S = 16
BEFORE_S = 5
BITRATE = "2M"
COMES_UP_S = 30.0
# A router that dials anew; as it is back, its rules are.
AWAY_S = 3.0
AWAY = "table inet away { chain away { type filter hook forward priority -300; drop; }; }"


@dataclass(slots=True)
class Scene:
    """Devices in situations, all connected, and a line for whoever watches."""

    internet: Internet
    helper: Device
    placed: dict[str, Placed]

    def device(self, name: str) -> Device:
        return self.placed[name].device


def scene(world: World, *names: str) -> Scene:
    internet = Internet(world)
    helper, placed, refused = populate(internet, names, lambda line: None)
    if refused:
        raise LabError(f"could not join: {refused}")
    return Scene(internet, helper, placed)


def path_comes_up(source: Device, target: str, *kinds: str) -> None:
    if not eventually(lambda: source.peer(target)["path"]["kind"] in kinds, within=COMES_UP_S):
        raise LabError(f"no path from {source.name} to {target} by {' or '.join(kinds)}")


def gap(source: Device, target: Device, happens: Callable[[], None]) -> float:
    """The longest time without an answer to twenty pings a second, in which something happens to
    the path under a TCP stream. The stream lasts, or this fails."""
    traffic = Traffic(source, target, seconds=TRAFFIC_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    happens()
    return max(until - since for since, until in traffic.silences())


def relay_killed(world: World) -> float:
    """Two behind symmetric NATs; the machine that relays for them loses its power."""
    scenery = scene(world, "public", "symmetric", "cone-in-sym")
    source, target = scenery.device("symmetric"), scenery.device("cone-in-sym")
    relays = {HELPER: scenery.helper, "public": scenery.device("public")}
    source.reaches(target.addresses()[0], within=COMES_UP_S)
    path_comes_up(source, target.name, "relay")

    def kill() -> None:
        relay = relays[source.peer(target.name)["path"]["relay"]].host
        # Its kernel would go on forwarding without the daemon.
        relay.ip(f"link set {relay.cards[0].interface} down")
        relay.kill_everything()

    return gap(source, target, kill)


def address_changed(world: World) -> float:
    """A laptop with a public address gets another one, while it sends to a home behind a NAT."""
    scenery = scene(world, "public", "port-cone")
    source, target = scenery.device("public"), scenery.device("port-cone")
    path_comes_up(source, target.name, "direct")
    card, number = source.host.cards[0], scenery.internet.number()

    def change() -> None:
        source.host.change_address(card, f"198.51.100.{number}/32", f"2001:db8::{number:x}/128")

    return gap(source, target, change)


def router_restarted(
    world: World, name: str = "port-cone", *, renumbered: bool = False, away_s: float = 0.0
) -> float:
    scenery = scene(world, name, "firewall")
    source, target = scenery.device("firewall"), scenery.device(name)
    path_comes_up(source, target.name, "direct")
    router, number = scenery.placed[name].router, scenery.internet.number()
    assert router is not None

    def restart() -> None:
        if away_s:
            router.run(["nft", AWAY])
            time.sleep(away_s)
        if renumbered:
            router.change_outside(f"203.0.113.{number}/32")
        else:
            router.forget()

    return gap(source, target, restart)


GAPS: Mapping[str, tuple[str, float, Callable[[World], float]]] = {
    "relay-killed": ("the relay loses its power", 2.0, relay_killed),
    "address-changed": ("an address changes", 1.0, address_changed),
    "router-restarted": ("a router forgets all", 5.0, router_restarted),
    "symmetric-restarted": (
        "a symmetric router forgets all",
        5.0,
        lambda world: router_restarted(world, "symmetric"),
    ),
    "router-renumbered": (
        "a router forgets all and gets another address",
        5.0,
        lambda world: router_restarted(world, renumbered=True),
    ),
    "router-away": (
        f"a router is away for {AWAY_S:g} s, forgets all and gets another address",
        AWAY_S + 5.0,
        lambda world: router_restarted(world, renumbered=True, away_s=AWAY_S),
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.nat_matrix.gaps", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(GAPS)}")
    parser.add_argument("--runs", type=int, default=3, help="how often each, in a world of its own")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in GAPS]:
        parser.error(f"no such measurement: {', '.join(unknown)}")
    good = True
    for name in arguments.names or GAPS:
        what, limit_s, measure = GAPS[name]
        gaps = []
        for _ in range(arguments.runs):
            with World() as world:
                gaps.append(measure(world))
        shown = ", ".join(f"{each:.2f}" for each in gaps)
        print(f"{what}: the stream goes on, longest silence {shown} s ({limit_s:g} s at most)")
        sys.stdout.flush()
        good &= max(gaps) < limit_s
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
