"""Each kind of NAT maps and filters as its name in RFC 4787 says."""

from __future__ import annotations

import json
import sys

import pytest

from meshdht.lab.host import Host
from meshdht.lab.nat import NAT_KINDS
from meshdht.lab.world import World

SERVER_IPS = ("203.0.113.2", "203.0.113.3")
SERVER_PORTS = (3478, 3479)

# Answers each datagram with the source address it saw, and, asked to, from the other socket too.
SERVER = """
import selectors, socket, sys
selector = selectors.DefaultSelector()
sockets = []
for ip in sys.argv[1:3]:
    for port in (3478, 3479):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((ip, port))
        selector.register(udp, selectors.EVENT_READ)
        sockets.append(udp)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        data, source = key.fileobj.recvfrom(100)
        if data == b"others":
            for other in sockets:
                if other is not key.fileobj:
                    other.sendto(b"unasked", source)
        key.fileobj.sendto(f"{source[0]}:{source[1]}".encode(), source)
"""

# One socket asks all servers; then asks one whose siblings answer as well.
CLIENT = """
import json, socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 41641))
udp.settimeout(2)
def ask(ip, port, what):
    udp.sendto(what, (ip, port))
    return udp.recvfrom(100)[0].decode()
fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fresh.bind(("0.0.0.0", 41642))
fresh.settimeout(0.3)
fresh.sendto(b"others", (sys.argv[1], 3478))
filtered = []
try:
    while True:
        filtered.append(fresh.recvfrom(100)[0].decode())
except TimeoutError:
    pass
seen = [ask(ip, port, b"where") for ip in sys.argv[1:3] for port in (3478, 3479)]
print(json.dumps({"mappings": seen, "answers": len(filtered)}))
"""


def behaviour(world: World, kind: str) -> tuple[list[str], int]:
    """The mappings that the four server sockets saw, and how many of four got through to a
    socket that had sent to one of them only."""
    internet, home = world.switch("internet"), world.switch("home")
    server, laptop = world.host("server"), world.host("laptop")
    server.attach(internet, *(f"{ip}/24" for ip in SERVER_IPS))
    world.router("router", internet, "203.0.113.10/24", home, "192.168.1.1/24", nat=kind)
    laptop.attach(home, "192.168.1.2/24", gateways=["192.168.1.1"])
    serve(server)
    answer = laptop.run([sys.executable, "-c", CLIENT, *SERVER_IPS]).stdout
    seen = json.loads(answer)
    return seen["mappings"], seen["answers"]


def serve(server: Host) -> None:
    process = server.popen([sys.executable, "-c", SERVER, *SERVER_IPS])
    assert process.popen.stdout is not None
    assert process.popen.stdout.readline() == "ready\n"


def test_a_port_restricted_cone_keeps_one_mapping_and_its_port(world: World) -> None:
    mappings, answers = behaviour(world, "port-restricted")
    assert mappings == ["203.0.113.10:41641"] * 4
    assert answers == 1


def test_a_symmetric_nat_maps_each_destination_to_another_port(world: World) -> None:
    mappings, answers = behaviour(world, "symmetric")
    assert {mapping.partition(":")[0] for mapping in mappings} == {"203.0.113.10"}
    assert len(set(mappings)) == 4
    assert answers == 1


@pytest.mark.parametrize("kind", sorted(NAT_KINDS))
def test_every_kind_says_what_it_is(kind: str) -> None:
    assert "mapping" in NAT_KINDS[kind].description
