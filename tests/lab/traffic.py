"""Traffic between two devices that goes on while something happens to them."""

from __future__ import annotations

import itertools
import json
import re
import signal

from meshdht.lab.device import Device
from tests.lab.homes import eventually

PINGS_EVERY_S = 0.05


class Traffic:
    """A TCP connection, and twenty pings a second, from a device to another one's address."""

    def __init__(self, source: Device, target: Device, *, seconds: int, bitrate: str) -> None:
        address = target.addresses()[0]
        self._seconds = seconds
        self._server = target.host.popen(["iperf3", "--server", "--one-off", "--bind", address])
        listens = ["ss", "-Hltn", "sport = :5201"]
        assert eventually(lambda: bool(target.host.run(listens).stdout))
        lasts = str(seconds)
        self._client = source.host.popen(
            ["iperf3", "--client", address, "--time", lasts, "--bitrate", bitrate, "--json"]
        )
        # Until it is told to end: with a deadline (-w) the first error that the machine reports
        # ends it, with a count it waits for the last reply as long as the slowest took, twice.
        self._pings = source.host.popen(["ping", "-D", "-i", str(PINGS_EVERY_S), address])

    def silences(self) -> list[tuple[float, float]]:
        """Once it is over: between which instants (Unix seconds) no ping was answered. The
        connection has lasted, and carried bytes at the end."""
        sent = self._client.complete(timeout=3 * self._seconds)
        self._client.check(sent)
        self._server.check(self._server.complete())
        carried = [each["sum"]["bytes"] for each in json.loads(sent.stdout)["intervals"]]
        assert carried[-2] > 0, carried
        self._pings.signal(signal.SIGINT)
        said = self._pings.complete().stdout
        answered = re.findall(r"^\[([\d.]+)\].*ttl=", said, re.MULTILINE)
        replies = [float(instant) for instant in answered]
        assert replies[-1] - replies[0] > self._seconds - 2
        return list(itertools.pairwise(replies))
