"""What is wrong with packets and datagrams is counted, and the embedded engine goes on: over real
sockets and TUN devices."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from meshdht.lab.host import Host
from meshdht.lab.transfer import Transfer, transfer
from meshdht.lab.world import World
from tests.engine.lab import PORT, ROOT, EmbeddedEnd
from tests.lab.hostile import SPOOFED

FILE_BYTES = 20_000_000
JUNK_S = 3
WALL = f"""table inet wall {{
    chain leaving {{ type filter hook output priority 0; udp dport {PORT} drop; }}
}}
"""


class Tunnel:
    """Two ends, and a third machine beside them."""

    def __init__(self, world: World, *, send_buffer: int = 0) -> None:
        switch = world.switch("internet")
        self.ours = EmbeddedEnd(world.host("ours"), 1, switch)
        self.theirs = EmbeddedEnd(world.host("theirs"), 2, switch)
        self.stranger = world.host("stranger")
        self.stranger.attach(switch, "192.0.2.9/24")
        self.theirs.start(self.ours, knows_endpoint=False)
        self.ours.start(self.theirs, send_buffer=send_buffer)
        assert self.ours.ping(self.theirs) == 1

    def counted(self, *names: str) -> list[int]:
        counters = self.ours.stats()["counters"]
        return [counters.get(name, 0) for name in names]

    def narrow(self, rate: str, limit: str) -> None:
        """Our line carries so much a second, and keeps so many bytes waiting."""
        options = ["rate", rate, "burst", "20kb", "limit", limit]
        self.ours.host.run(["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *options])

    def send(self, size: int) -> Transfer:
        return transfer(self.ours.host, self.theirs.host, self.theirs.address, size)

    def transfer(self) -> Transfer:
        return transfer(self.theirs.host, self.ours.host, self.ours.address, FILE_BYTES)

    def works(self) -> None:
        """Both ways, as before: with the same worker, and at the same place."""
        assert self.ours.ping(self.theirs) == self.theirs.ping(self.ours) == 1
        assert self.ours.endpoint_of(self.theirs) == str(self.theirs.endpoint())
        assert self.counted("engine_worker_restarts") == [0]

    def stop(self) -> None:
        self.ours.stop()
        self.theirs.stop()


@pytest.fixture
def tunnel(world: World) -> Iterator[Tunnel]:
    tunnel = Tunnel(world)
    yield tunnel
    tunnel.stop()


def hostile(host: Host, *arguments: str) -> int:
    argv = [sys.executable, "-m", "tests.lab.hostile", *arguments]
    return int(host.run(argv, env={"PYTHONPATH": str(ROOT)}).stdout.split()[-1])


def test_replayed_and_cut_trains_are_refused(tunnel: Tunnel) -> None:
    with tempfile.NamedTemporaryFile(prefix="replay-") as file:
        recorder = tunnel.ours.host.popen(
            [sys.executable, "-m", "tests.lab.hostile", "record", "eth0", str(PORT), file.name],
            env={"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
        )
        assert recorder.popen.stdout is not None
        assert recorder.popen.stdout.readline() == "ready\n"
        # Small ones in trains, and full ones that the network card never joined.
        argv = [sys.executable, "-m", "tests.lab.hostile", "spoof"]
        argv += [tunnel.theirs.address, tunnel.ours.address]
        for _ in range(10):
            tunnel.theirs.host.run(argv, env={"PYTHONPATH": str(ROOT)})
        assert tunnel.theirs.ping(tunnel.ours, count=20, gap_s=0.01) == 20
        recorder.check(recorder.complete("\n"))
        tunnel.transfer()  # the window has moved on
        received = tunnel.ours.stats()["rx_bytes"]
        recorded = hostile(tunnel.stranger, "replay", file.name, "192.0.2.1", str(PORT))
    replayed, malformed = tunnel.counted("wireguard_replayed", "wireguard_malformed")
    assert recorded >= 20
    assert replayed >= recorded
    assert malformed >= 1
    assert tunnel.ours.stats()["rx_bytes"] - received < 10_000  # keepalives at most
    tunnel.works()


def test_inner_packets_from_somebody_elses_address_are_refused(tunnel: Tunnel) -> None:
    tunnel.theirs.host.ip("addr add 10.9.9.9/32 dev mesh0")
    ping = ["ping", "-c", "3", "-i", "0.1", "-W", "1", "-I", "10.9.9.9", tunnel.ours.address]
    assert tunnel.theirs.host.run(ping, check=False).returncode
    assert tunnel.counted("wireguard_bad_source") == [3]
    hostile(tunnel.theirs.host, "spoof", "10.9.9.9", tunnel.ours.address)
    time.sleep(0.2)
    assert tunnel.counted("wireguard_bad_source") == [3 + SPOOFED]
    tunnel.works()


def test_packets_that_are_none_are_counted_on_either_side(tunnel: Tunnel) -> None:
    given = hostile(tunnel.ours.host, "frames", "mesh0", tunnel.theirs.address)
    assert given > 10
    time.sleep(0.2)
    (none,) = tunnel.counted("wireguard_no_route")
    assert none >= 3
    hostile(tunnel.theirs.host, "frames", "mesh0", tunnel.ours.address)
    time.sleep(0.2)
    assert tunnel.counted("wireguard_bad_packet") >= [1]
    tunnel.transfer()
    tunnel.works()


def test_a_firewall_that_lets_nothing_out_is_counted_and_outlived(tunnel: Tunnel) -> None:
    def wall() -> None:
        time.sleep(0.3)
        tunnel.ours.host.run(["nft", "-f", "-"], input=WALL)
        time.sleep(1)
        tunnel.ours.host.run(["nft", "delete", "table", "inet", "wall"])

    builder = threading.Thread(target=wall)
    builder.start()
    for _ in range(10):
        tunnel.transfer()
        if not builder.is_alive():
            break
    builder.join()
    assert tunnel.counted("engine_send_failed") >= [1]
    tunnel.works()


def test_a_socket_without_room_is_counted_and_the_file_arrives(world: World) -> None:
    """A train of 64 KiB takes longer to leave than is waited for."""
    tunnel = Tunnel(world, send_buffer=4096)
    tunnel.narrow("2mbit", "1mb")
    assert tunnel.send(FILE_BYTES // 20).size == FILE_BYTES // 20
    assert tunnel.counted("engine_send_failed") >= [1]
    tunnel.works()
    tunnel.stop()


def test_a_line_whose_queue_is_full_drops_and_the_file_arrives(tunnel: Tunnel) -> None:
    tunnel.narrow("20mbit", "60kb")
    assert tunnel.send(FILE_BYTES // 2).size == FILE_BYTES // 2
    said = tunnel.ours.host.run(["tc", "-s", "-j", "qdisc", "show", "dev", "eth0"]).stdout
    assert json.loads(said)[0]["drops"] > 0
    tunnel.works()


def test_a_file_arrives_while_somebody_sends_junk(
    tunnel: Tunnel, number: Callable[[str], None]
) -> None:
    alone = tunnel.transfer()
    argv = [sys.executable, "-m", "tests.lab.hostile", "junk", "192.0.2.1", str(PORT), str(JUNK_S)]
    stranger = tunnel.stranger.popen(argv, env={"PYTHONPATH": str(ROOT)})
    beset = tunnel.transfer()
    said = stranger.complete()
    stranger.check(said)
    number(
        f"a file alone: {alone.mbit_per_s:.0f} Mbit/s; beside {int(said.stdout) // JUNK_S} junk"
        f" datagrams a second: {beset.mbit_per_s:.0f} Mbit/s"
    )
    unknown, malformed = tunnel.counted("wireguard_unknown_index", "wireguard_malformed")
    assert unknown > 100
    assert malformed > 100
    tunnel.works()
