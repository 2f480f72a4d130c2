"""Waiting for the network, and for a peer."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

from msgspec.structs import replace

from meshdht.api.messages import PeerPath
from tests.api.fake_daemon import ATTIC, LAPTOP, FakeService, serving
from tests.cli.conftest import Meshdht


def test_a_network_that_is_up_is_not_waited_for(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("wait", "--timeout", "0").out == "network home is up\n"


def test_a_daemon_that_is_still_starting_is_waited_for(meshdht: Meshdht, socket_path: Path) -> None:
    done = threading.Event()

    def start() -> None:
        time.sleep(0.5)
        with serving(socket_path):
            done.wait(20)

    starting = threading.Thread(target=start)
    starting.start()
    try:
        result = meshdht("wait", "--network", "home", "--json")
    finally:
        done.set()
        starting.join()
    told = json.loads(result.out)
    assert (result.code, told["network"], told["peer"], told["path"]) == (0, "home", None, None)
    assert told["waited_s"] > 0.2


def test_in_vain_is_exit_code_1_with_the_reason(meshdht: Meshdht) -> None:
    result = meshdht("wait", "--network", "home", "--timeout", "0.3")
    assert result.code == 1
    assert "waited 0.3 s in vain: network 'home' is not up" in result.err
    nowhere = meshdht("wait", "--timeout", "0")
    assert (nowhere.code, "belongs to no network" in nowhere.err) == (1, True)


def test_a_peer_is_waited_for_until_it_answers(meshdht: Meshdht, service: FakeService) -> None:
    service.snapshot = replace(service.snapshot, peers=(ATTIC,))

    def arrive() -> None:
        time.sleep(0.4)
        service.change(replace(ATTIC, online=True, path=LAPTOP.path, rtt_ms=2.0))

    arriving = threading.Thread(target=arrive)
    arriving.start()
    result = meshdht("wait", "attic")
    arriving.join()
    assert result.out == "attic is reached: direct 192.0.2.7:51820\n"


def test_a_device_that_is_yet_to_join_is_waited_for(meshdht: Meshdht, service: FakeService) -> None:
    def join() -> None:
        time.sleep(0.4)
        service.change(replace(LAPTOP, name="pi", id="i" * 32))

    joining = threading.Thread(target=join)
    joining.start()
    assert meshdht("wait", "pi").code == 0
    joining.join()
    result = meshdht("wait", "nobody", "--timeout", "0.3")
    assert (result.code, "no peer is called 'nobody'" in result.err) == (1, True)


def test_a_relayed_path_is_not_direct(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("wait", "phone").out == "phone is reached: relay vps\n"
    result = meshdht("wait", "phone", "--direct", "--timeout", "0.3")
    assert result.code == 1
    assert "phone is not reached directly: both are behind symmetric NATs" in result.err
    direct = PeerPath(kind="lan", endpoint="192.168.1.9:41820")
    service.snapshot = replace(service.snapshot, peers=(replace(LAPTOP, path=direct),))
    assert meshdht("wait", "laptop", "--direct").code == 0


def test_direct_to_nobody_is_a_mistake(meshdht: Meshdht) -> None:
    assert meshdht("wait", "--direct").code == 2
