"""What changes, a JSON object a line."""

from __future__ import annotations

import json
import threading
import time

from msgspec.structs import replace

from tests.api.fake_daemon import LAPTOP, FakeService
from tests.cli.conftest import Meshdht


def test_the_first_line_is_everything(meshdht: Meshdht, service: FakeService) -> None:
    result = meshdht("watch", "--count", "1")
    [told] = map(json.loads, result.out.splitlines())
    assert (result.code, told["version"], told["event"]["type"]) == (0, 1, "snapshot")
    assert told["event"]["status"]["device"]["name"] == "nas"
    assert told["at"] > 1_700_000_000


def test_then_what_changes(meshdht: Meshdht, service: FakeService) -> None:
    def change() -> None:
        while not service.streams_open:
            time.sleep(0.01)
        service.change(replace(LAPTOP, rtt_ms=99.0))

    changing = threading.Thread(target=change)
    changing.start()
    _, told = map(json.loads, meshdht("watch", "-c", "2").out.splitlines())
    changing.join()
    event = told["event"]
    assert (event["type"], event["peer"]["rtt_ms"]) == ("peer_changed", 99.0)


def test_a_daemon_that_ends_is_exit_code_1(meshdht: Meshdht, service: FakeService) -> None:
    def stop() -> None:
        while not service.streams_open:
            time.sleep(0.01)
        service.stopped.set()
        service.feed.touch()

    stopping = threading.Thread(target=stop)
    stopping.start()
    result = meshdht("watch")
    stopping.join()
    assert result.code == 1
    assert result.err.startswith("meshdht: the daemon")
