"""What a ping between machines at rest takes, and what of that is Python's.

    python -m tests.bench.idle_ping [ROUNDS]

Prints medians of ROUNDS (3) times 100 pings, a fiftieth and a five-hundredth of a second apart: of
the embedded engine, of wireguard-go, and of a loop of Python that only reads from a TUN and
sends, reads from a socket and writes. Needs root.
"""

from __future__ import annotations

import os
import select
import socket
import statistics
import sys

from meshdht.lab.world import World
from meshdht.net.tun import Tun
from tests.bench.packet_path.measure import median_ping_ms
from tests.engine.lab import ROOT, EmbeddedEnd, End, Party, WireGuardGoEnd

GAPS_S = (0.02, 0.002)
PINGS = 100
INTERFACE = "loop0"


class LoopEnd(End):
    """No tunnel: each packet is the payload of a datagram, as it is."""

    def start(self, *peers: Party, knows_endpoint: bool = True) -> None:
        (peer,) = peers
        argv = [sys.executable, "-m", "tests.bench.idle_ping", "loop"]
        outside = [self.endpoint().host, peer.endpoint().host, str(self.endpoint().port)]
        self.process = self.host.popen([*argv, *outside], env={"PYTHONPATH": str(ROOT)})
        stdout = self.process.popen.stdout
        assert stdout is not None
        assert stdout.readline() == "ready\n"
        self.host.ip(f"addr add {self.inside[0]} dev {INTERFACE}", f"link set {INTERFACE} up")


Kind = type[EmbeddedEnd] | type[WireGuardGoEnd] | type[LoopEnd]
KINDS: dict[str, Kind] = {
    "meshdht, embedded": EmbeddedEnd,
    "wireguard-go": WireGuardGoEnd,
    "a loop": LoopEnd,
}


def loop(own: str, other: str, port: str) -> None:
    """Until it is killed."""
    fd = Tun(INTERFACE).fileno()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((own, int(port)))
    to, epoll = (other, int(port)), select.epoll()
    for each in (fd, sock.fileno()):
        os.set_blocking(each, False)
        epoll.register(each, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for ready, _ in epoll.poll():
            try:
                if ready == fd:
                    sock.sendto(os.read(fd, 2048), to)
                else:
                    os.write(fd, sock.recv(2048))
            except OSError:
                pass  # the interface is not up yet


def pings(kind: Kind) -> list[float]:
    """The median for each of GAPS_S, in ms."""
    with World() as world:
        switch = world.switch("internet")
        one, other = (kind(world.host(name), n, switch) for n, name in ((1, "one"), (2, "other")))
        try:
            one.start(other)
            other.start(one)
            assert one.ping(other, count=3)
            return [ping_ms(one, other, gap) for gap in GAPS_S]
        finally:
            one.stop()
            other.stop()


def ping_ms(one: End, other: End, gap_s: float) -> float:
    argv = ["ping", "-n", "-c", str(PINGS), "-i", str(gap_s), other.address]
    return median_ping_ms(one.host.run(argv).stdout)


def main() -> None:
    if sys.argv[1:2] == ["loop"]:
        loop(*sys.argv[2:])
    rounds = int(sys.argv[1]) if sys.argv[1:] else 3
    results = [{name: pings(kind) for name, kind in KINDS.items()} for _ in range(rounds)]
    print("ping, ms" + " " * 12 + "".join(f"{gap * 1000:>6g} ms apart" for gap in GAPS_S))
    for name in KINDS:
        columns = zip(*(each[name] for each in results), strict=True)
        print(f"{name:<20}" + "".join(f"{statistics.median(column):15.3f}" for column in columns))


if __name__ == "__main__":
    main()
