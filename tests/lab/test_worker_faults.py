"""What may happen to the process that carries the traffic, under a daemon and a connection."""

from __future__ import annotations

import time
from collections.abc import Callable

from meshdht.lab.device import Device
from tests.lab.homes import Pair, eventually, everyone_reaches_everyone
from tests.lab.traffic import Traffic

TRAFFIC_S = 8
BEFORE_S = 2
STOPPED_S = 6
KILLED_MAX_S = 5.0
ANSWERED_MAX_S = 15.0
BITRATE = "20M"
HANGS = "does not answer"


def worker(device: Device) -> str:
    listing = device.host.run(["pgrep", "-f", "meshdht.engine.worker"]).stdout.split()
    assert len(listing) == 1
    return listing[0]


def longest(traffic: Traffic) -> float:
    return max(until - since for since, until in traffic.silences())


def test_a_connection_goes_on_after_the_worker_was_killed(
    pair: Pair, number: Callable[[str], None]
) -> None:
    nas, laptop = pair
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    killed = worker(nas)
    nas.host.run(["kill", "-KILL", killed])
    gap = longest(traffic)
    number(f"longest silence after a worker was killed: {gap:.2f} s")
    assert gap < KILLED_MAX_S
    assert worker(nas) != killed
    status = nas.status()
    assert status["engine_trouble"] == ""
    assert status["dropped"]["engine_worker_restarts"] == 1


def test_a_worker_that_hangs_is_told_of_while_the_daemon_lives_on(
    pair: Pair, number: Callable[[str], None]
) -> None:
    nas, laptop = pair
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S + STOPPED_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    stopped = worker(nas)
    nas.host.run(["kill", "-STOP", stopped])
    asked = time.monotonic()
    assert HANGS in nas.status()["engine_trouble"]
    took = time.monotonic() - asked
    assert f"⚠ the process that carries the traffic ({stopped}) {HANGS}" in nas.must("status")
    time.sleep(max(0.0, STOPPED_S - (time.monotonic() - asked)))
    nas.host.run(["kill", "-CONT", stopped])
    late = longest(traffic) - STOPPED_S
    number(f"status took {took:.1f} s beside a hanging worker; first answer {late:.2f} s after it")
    assert took < ANSWERED_MAX_S
    assert worker(nas) == stopped
    assert nas.status()["engine_trouble"] == ""
    everyone_reaches_everyone(nas, laptop)


def test_a_connection_goes_on_after_its_interface_was_deleted(
    pair: Pair, number: Callable[[str], None]
) -> None:
    nas, laptop = pair
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    nas.host.ip("link del mesh-home")
    gap = longest(traffic)
    number(f"longest silence after the interface was deleted: {gap:.2f} s")
    assert gap < KILLED_MAX_S
    assert nas.status()["dropped"]["engine_tun_lost"] == 1


def test_no_worker_outlives_a_daemon(pair: Pair) -> None:
    nas, _ = pair
    nas.host.run(["pkill", "-KILL", "-f", "meshdht.daemon"])
    assert eventually(
        lambda: not nas.host.run(["pgrep", "-f", "engine.worker"], check=False).stdout
    )
