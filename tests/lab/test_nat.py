"""Each kind of router maps and filters as its name in RFC 4787 says, and forgets when told to."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import pytest

from meshdht.lab.host import Host, Switch
from meshdht.lab.nat import NAT_KINDS
from meshdht.lab.router import Router
from meshdht.lab.world import World

SERVER_IPS = ("203.0.113.2", "203.0.113.3")

# RFC 5780's server: two addresses with two ports each. It tells each sender the source address it
# saw and, asked to, answers from the other three sockets too, or sends to a place named.
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
        word, _, place = data.decode().partition(" ")
        if word == "others":
            for other in sockets:
                if other is not key.fileobj:
                    other.sendto(other.getsockname()[0].encode(), source)
        elif word == "tell":
            ip, port = place.split(":")
            key.fileobj.sendto(b"told", (ip, int(port)))
        key.fileobj.sendto(f"{source[0]}:{source[1]}".encode(), source)
"""

# One socket asks all servers where it is; before that another asks one server, whose siblings
# answer as well; a third sends to its own outer endpoint.
CLIENT = """
import json, socket, sys
def bound(port):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", port))
    udp.settimeout(0.3)
    return udp
def ask(udp, ip, port, what=b"where"):
    udp.sendto(what, (ip, port))
    return udp.recvfrom(100)[0].decode()
try:
    fresh, answers = bound(41642), []
    fresh.sendto(b"others", (sys.argv[1], 3478))
    while True:
        answers.append(fresh.recvfrom(100)[1])
except TimeoutError:
    pass
try:
    udp = bound(41641)
    seen = [ask(udp, ip, port) for ip in sys.argv[1:3] for port in (3478, 3479)]
    other = bound(41643)
    outer = ask(other, sys.argv[1], 3478)
    ip, _, port = seen[0].partition(":")
    other.sendto(b"turned", (ip, int(port)))
    data, source = udp.recvfrom(100)
    turned = "with the outer source" if f"{source[0]}:{source[1]}" == outer else str(source)
except TimeoutError:
    turned = "no"
print(json.dumps({"mappings": seen, "answers": answers, "hairpin": turned}))
"""

ASK_ONE = """
import socket, sys
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", int(sys.argv[3]) if len(sys.argv) > 3 else 0))
udp.settimeout(1)
udp.sendto(sys.argv[2].encode(), (sys.argv[1], 3478))
print(udp.recvfrom(100)[0].decode())
"""

# NAT-PMP (RFC 6886): asks the router for its outer address and for outer port 41644; then hears
# what comes there. A search by SSDP tells whether it speaks UPnP too.
ASKED_FOR = """
import socket, struct, sys
router = sys.argv[1]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(5)
udp.connect((router, 5351))
udp.send(bytes(2))
outer = socket.inet_ntoa(udp.recv(100)[8:12])
udp.send(struct.pack("!BBHHHI", 0, 1, 0, 41644, 41644, 600))
_, _, result, _, _, port, _ = struct.unpack("!BBHIHHI", udp.recv(100))
ssdp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ssdp.settimeout(5)
kind = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
search = ["M-SEARCH * HTTP/1.1", "HOST: 239.255.255.250:1900", 'MAN: "ssdp:discover"', "MX: 1"]
ssdp.sendto("\\r\\n".join([*search, f"ST: {kind}", "", ""]).encode(), ("239.255.255.250", 1900))
assert b"InternetGatewayDevice" in ssdp.recv(2000)
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("0.0.0.0", 41644))
listener.settimeout(5)
print(f"{outer}:{port}" if result == 0 else f"refused: {result}", flush=True)
print(listener.recvfrom(100)[0].decode(), flush=True)
"""


@dataclass
class Seen:
    """The outer endpoints that the four server sockets saw; who of the four answered a socket
    that had sent to the first alone; whether a packet to an own outer endpoint came back."""

    mappings: list[str]
    answers: list[tuple[str, int]]
    hairpin: str


def internet_with_servers(world: World) -> tuple[Switch, Host]:
    internet, server = world.switch("internet"), world.host("server")
    server.attach(internet, *(f"{ip}/32" for ip in SERVER_IPS))
    process = server.popen([sys.executable, "-c", SERVER, *SERVER_IPS])
    assert process.popen.stdout is not None
    assert process.popen.stdout.readline() == "ready\n"
    return internet, server


def home(world: World, outside: Switch, nat: str, wan: str, lan: str = "192.168.1") -> Router:
    """A router and a laptop behind it."""
    inside = world.switch(f"inside-{lan}")
    router = world.router(f"router-{lan}", outside, wan, inside, f"{lan}.1/24", nat=nat)
    laptop = world.host("laptop")
    laptop.attach(inside, f"{lan}.2/24", gateways=[f"{lan}.1"])
    return router


def probed(laptop: Host) -> Seen:
    answer = json.loads(laptop.run([sys.executable, "-c", CLIENT, *SERVER_IPS]).stdout)
    answers = sorted((ip, port) for ip, port in answer["answers"])
    return Seen(answer["mappings"], answers, answer["hairpin"])


def behaviour(world: World, nat: str) -> Seen:
    internet, _ = internet_with_servers(world)
    home(world, internet, nat, "203.0.113.10/32")
    return probed(world.hosts["laptop"])


ASKED, ALL = [(SERVER_IPS[0], 3478)], [(ip, port) for ip in SERVER_IPS for port in (3478, 3479)]
CONE = ["203.0.113.10:41641"] * 4


@pytest.mark.parametrize(
    ("nat", "answers", "hairpin"),
    [
        ("full-cone", ALL, "no"),
        ("address-restricted", ALL[:2], "no"),
        ("port-restricted", ASKED, "no"),
        ("hairpin", ASKED, "with the outer source"),
    ],
)
def test_a_cone_keeps_one_mapping_and_filters_as_its_name_says(
    world: World, nat: str, answers: list[tuple[str, int]], hairpin: str
) -> None:
    assert behaviour(world, nat) == Seen(CONE, answers, hairpin)


def test_a_symmetric_nat_maps_each_destination_to_another_port(world: World) -> None:
    seen = behaviour(world, "symmetric")
    assert {mapping.partition(":")[0] for mapping in seen.mappings} == {"203.0.113.10"}
    assert len(set(seen.mappings)) == 4
    assert (seen.answers, seen.hairpin) == (ASKED, "no")


@pytest.mark.parametrize(
    ("outer", "inner", "mappings"),
    [
        ("port-restricted", "port-restricted", 1),
        ("symmetric", "port-restricted", 4),
        ("port-restricted", "symmetric", 4),
    ],
)
def test_a_router_behind_a_router_is_as_hard_as_the_harder_of_both(
    world: World, outer: str, inner: str, mappings: int
) -> None:
    internet, _ = internet_with_servers(world)
    carrier = world.switch("carrier")
    world.router("carrier-nat", internet, "203.0.113.10/32", carrier, "100.64.0.1/24", nat=outer)
    router = home(world, carrier, inner, "100.64.0.2/24")
    router.change_address(router.cards[0], "100.64.0.2/24", gateways=["100.64.0.1"])
    seen = probed(world.hosts["laptop"])
    assert {mapping.partition(":")[0] for mapping in seen.mappings} == {"203.0.113.10"}
    assert len(set(seen.mappings)) == mappings
    assert seen.answers == ASKED


def test_a_firewall_translates_nothing_and_lets_in_answers_alone(world: World) -> None:
    internet, server = internet_with_servers(world)
    router = home(world, internet, "firewall", "203.0.113.10/32", "198.51.100")
    router.announce("198.51.100.2")
    laptop = world.hosts["laptop"]
    seen = probed(laptop)
    assert seen.mappings == ["198.51.100.2:41641"] * 4
    assert seen.answers == ASKED
    assert server.run(["ping", "-c", "1", "-W", "1", "198.51.100.2"], check=False).returncode == 1
    assert laptop.run(["ping", "-c", "1", "-W", "2", SERVER_IPS[0]]).returncode == 0


def test_ipv6_is_let_out_and_in_only_what_answers_it(world: World) -> None:
    internet, server = internet_with_servers(world)
    server.change_address(server.cards[0], "203.0.113.2/32", "2001:db8::2/128")
    lan, laptop = world.switch("lan"), world.host("laptop")
    inside = ("192.168.1.1/24", "2001:db8:1::1/64")
    router = world.router("router", internet, "203.0.113.10/32", lan, *inside)
    router.announce("2001:db8:1::2")
    gateways = ["192.168.1.1", "2001:db8:1::1"]
    laptop.attach(lan, "192.168.1.2/24", "2001:db8:1::2/64", gateways=gateways)
    unasked = server.run(["ping", "-c", "1", "-W", "1", "2001:db8:1::2"], check=False)
    assert unasked.returncode == 1
    for address in ("203.0.113.2", "2001:db8::2"):
        assert laptop.run(["ping", "-c", "1", "-W", "2", address]).returncode == 0


def test_blocked_udp_leaves_tcp_to_80_and_443_alone(world: World) -> None:
    internet, server = internet_with_servers(world)
    home(world, internet, "udp-blocked", "203.0.113.10/32")
    laptop = world.hosts["laptop"]
    asked = laptop.run([sys.executable, "-c", ASK_ONE, SERVER_IPS[0], "where"], check=False)
    assert "TimeoutError" in asked.stderr
    accept = "import socket; s = socket.create_server(('', {})); print(flush=True); s.accept()"
    connect = "import socket; socket.create_connection(('203.0.113.2', {}), timeout=1)"
    for port, lets in ((80, True), (443, True), (22, False)):
        listener = server.popen([sys.executable, "-c", accept.format(port)])
        assert listener.popen.stdout is not None
        assert listener.popen.stdout.readline() == "\n"
        tried = laptop.run([sys.executable, "-c", connect.format(port)], check=False)
        assert (tried.returncode == 0) is lets, port


def test_a_router_that_maps_ports_on_request_lets_the_outside_in_and_forgets_it_at_a_restart(
    world: World,
) -> None:
    internet, server = internet_with_servers(world)
    router = home(world, internet, "upnp", "25.0.0.10/32")
    laptop = world.hosts["laptop"]
    tell = [sys.executable, "-c", ASK_ONE, SERVER_IPS[0], "tell 25.0.0.10:41644"]

    def asked_for() -> tuple[str, str]:
        asking = laptop.popen([sys.executable, "-c", ASKED_FOR, "192.168.1.1"])
        assert asking.popen.stdout is not None
        outer = asking.popen.stdout.readline().strip()
        server.run(tell)
        return outer, asking.complete().stdout.strip()

    assert asked_for() == ("25.0.0.10:41644", "told")
    router.forget()
    rules = router.run(["nft", "list", "chain", "inet", "nat", "prerouting_miniupnpd"]).stdout
    assert "41644" not in rules
    assert asked_for() == ("25.0.0.10:41644", "told")


@pytest.mark.parametrize("nat", ["symmetric", "full-cone"])
def test_a_router_forgets_its_mappings_when_told_to(world: World, nat: str) -> None:
    internet, server = internet_with_servers(world)
    router = home(world, internet, nat, "203.0.113.10/32")
    laptop = world.hosts["laptop"]
    ask = [sys.executable, "-c", ASK_ONE, SERVER_IPS[0], "where", "41641"]
    outer = laptop.run(ask).stdout.strip()
    listen = "import socket; s = socket.socket(2, 2); s.bind(('', 41641)); s.settimeout(1); "
    listen += "print(flush=True); print(s.recv(100))"

    def is_let_in() -> bool:
        listener = laptop.popen([sys.executable, "-c", listen])
        assert listener.popen.stdout is not None
        listener.popen.stdout.readline()
        server.run([sys.executable, "-c", ASK_ONE, SERVER_IPS[0], f"tell {outer}"], check=False)
        return "told" in listener.complete().stdout

    assert is_let_in()
    router.forget()
    assert not is_let_in()
    if nat == "symmetric":
        assert laptop.run(ask).stdout.strip() != outer


def test_a_router_that_gets_another_address_translates_to_that(world: World) -> None:
    internet, _ = internet_with_servers(world)
    router = home(world, internet, "hairpin", "203.0.113.10/32")
    router.change_outside("203.0.113.11/32")
    seen = probed(world.hosts["laptop"])
    assert seen.mappings == ["203.0.113.11:41641"] * 4
    assert seen.hairpin == "with the outer source"


@pytest.mark.parametrize("nat", sorted(NAT_KINDS))
def test_every_kind_says_what_it_is(nat: str) -> None:
    assert "filtering" in NAT_KINDS[nat].description
