"""Real traffic of two kernels through segmentation and coalescing: they take every packet."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshdht.lab.host import Host
from meshdht.lab.process import Process
from meshdht.lab.world import World

ROOT = Path(__file__).parents[3]
ADDRESSES = {4: "10.0.0.2", 6: "fd00::2"}

pytestmark = pytest.mark.lab


class Pair:
    """Two hosts, with nothing between them but the pump."""

    def __init__(self, world: World, mode: str) -> None:
        self.one, self.other = world.host("one"), world.host("other")
        self.pump = self._python(self.one, "pump", mode, "left", "right", stdin=subprocess.PIPE)
        said = self.read_line(self.pump)
        assert said.startswith("ready"), said
        self.uso = said == "ready uso"
        self.one.ip(f"link set right netns {self.other.pid}")
        for number, (host, name) in enumerate(((self.one, "left"), (self.other, "right")), 1):
            host.ip(
                f"addr add 10.0.0.{number}/24 dev {name}",
                f"addr add fd00::{number}/64 dev {name} nodad",
                f"link set {name} mtu 1420 up",
            )

    def transfer(self, kind: str, address: str) -> tuple[str, str]:
        """What was sent and what came, as the hosts hash it."""
        receiver = self._python(self.other, "transfer", "receive", kind, address)
        assert self.read_line(receiver) == "ready"
        sender = self._python(self.one, "transfer", "send", kind, address)
        results = [process.complete(None, 30) for process in (sender, receiver)]
        for process, result in zip((sender, receiver), results, strict=True):
            process.check(result)
        sent, came = (result.stdout.strip() for result in results)
        return sent, came

    def stop(self) -> dict[str, int]:
        """End the pump; what it counted."""
        result = self.pump.complete("\n", 10)
        self.pump.check(result)
        counts: dict[str, int] = json.loads(result.stdout)
        return counts

    def counter(self, name: str) -> int:
        """A counter of the receiving kernel, as nstat names it."""
        said = self.other.run(["nstat", "-asz", name]).stdout
        return int(said.split()[-2])

    @staticmethod
    def read_line(process: Process) -> str:
        assert process.popen.stdout is not None
        return str(process.popen.stdout.readline()).strip()

    @staticmethod
    def _python(host: Host, module: str, *arguments: str, stdin: int | None = None) -> Process:
        argv = [sys.executable, "-m", f"tests.engine.offload.{module}", *arguments]
        return host.popen(argv, stdin=stdin, env={"PYTHONPATH": str(ROOT)})


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.mark.parametrize("version", [4, 6])
def test_a_stream_is_merged_and_arrives_byte_for_byte(world: World, version: int) -> None:
    pair = Pair(world, "merged")
    sent, came = pair.transfer("tcp", ADDRESSES[version])
    counts = pair.stop()
    assert sent == came
    assert pair.counter("TcpInCsumErrors") == pair.counter("TcpInErrs") == 0
    assert counts["segments"] > 10_000
    assert counts["delivered"] == counts["cut"]


@pytest.mark.parametrize("version", [4, 6])
def test_every_segment_has_a_checksum_that_the_kernel_accepts(world: World, version: int) -> None:
    pair = Pair(world, "apart")
    sent, came = pair.transfer("tcp", ADDRESSES[version])
    assert pair.stop()["segments"] > 10_000
    assert sent == came
    assert pair.counter("TcpInCsumErrors") == pair.counter("TcpInErrs") == 0


@pytest.mark.parametrize("mode", ["merged", "apart"])
@pytest.mark.parametrize("version", [4, 6])
def test_datagrams_keep_their_boundaries(world: World, version: int, mode: str) -> None:
    pair = Pair(world, mode)
    if not pair.uso:
        pytest.skip("this kernel cuts UDP itself (USO came with Linux 6.2)")
    sent, came = pair.transfer("udp", ADDRESSES[version])
    counts = pair.stop()
    assert sent == came
    assert pair.counter("UdpInCsumErrors" if version == 4 else "Udp6InCsumErrors") == 0
    assert counts["segments"] == 40 * counts["cut"] == 2000
    assert counts.get("merged", counts["cut"]) == counts["cut"]
