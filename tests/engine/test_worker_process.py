"""The life of the process that carries the embedded engine's traffic: its death, its silence."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey
from meshdht.engine.backend import (
    AddPeer,
    PeerConfig,
    RemovePeer,
)
from meshdht.engine.worker_process import ANSWER_TIMEOUT_S, WAITING_MAX, WorkerProcess
from meshdht.errors import PlatformError
from meshdht.wireguard.events import HandshakeCompleted
from tests.engine.eventually import eventually
from tests.engine.loopback import FakeTun, Side, Sides, connect, open_sides
from tests.wireguard.network import A_TO_B, B_TO_A


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def shown(pid: int) -> bytes:
    """What other users of the machine may see of a process, and more."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


@pytest.fixture
async def sides() -> AsyncIterator[Sides]:
    async with open_sides() as both:
        yield both


async def test_a_worker_that_died_is_replaced(
    sides: Sides, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = sides
    await connect(a, b)
    before = await b.engine.stats()
    died = b.engine.worker_pid
    with caplog.at_level(logging.WARNING):
        os.kill(died, signal.SIGKILL)
        await eventually(lambda: b.engine.worker_pid not in (0, died))
    # Nobody sends: it makes new sessions with whom it had one.
    await eventually(lambda: len(a.events) >= 3, seconds=15)
    b.give(B_TO_A)
    assert await a.received() == B_TO_A
    assert "the process that carries the traffic ended (SIGKILL)" in caplog.text
    assert len(caplog.records) == 1
    after = (await b.engine.stats())[a.private.public]
    assert after.rx_bytes > before[a.private.public].rx_bytes
    assert await b.counted("engine_worker_restarts") == 1


@pytest.mark.parametrize(
    ("lived_s", "delays"), [(9.0, [0.05, 0.1, 0.2, 0.4]), (45.0, [0.05, 0.05, 0.05, 0.05])]
)
async def test_only_after_workers_that_die_young_it_waits_longer_and_longer(
    sides: Sides, monkeypatch: pytest.MonkeyPatch, lived_s: float, delays: list[float]
) -> None:
    engine = sides[0].engine
    loop = asyncio.get_running_loop()
    call_later, found = loop.call_later, []

    def noted(delay: float, callback: Callable[..., object], *rest: Any) -> asyncio.TimerHandle:
        if callback.__name__ == "_begin_again":
            found.append(delay)
        return call_later(delay, callback, *rest)

    monkeypatch.setattr(loop, "call_later", noted)
    monkeypatch.setattr(WorkerProcess, "lived_s", lambda self: lived_s)
    workers = {0, engine.worker_pid}
    for _ in delays:
        os.kill(engine.worker_pid, signal.SIGKILL)
        await eventually(lambda: engine.worker_pid not in workers)
        workers.add(engine.worker_pid)
    assert found == delays


async def test_a_worker_that_dies_while_the_tun_is_made_again_is_replaced_after(
    sides: Sides,
) -> None:
    a, b = sides
    await connect(a, b)
    await b.engine.stats()  # it has heard where the peer is
    died = b.engine.worker_pid
    b.tun.close()
    os.kill(died, signal.SIGKILL)
    await eventually(lambda: b.engine.worker_pid == 0)
    await asyncio.sleep(0.1)  # longer than until the next try
    assert b.engine.worker_pid == 0
    b.tun = FakeTun()
    b.engine.attach(b.tun)
    await eventually(lambda: b.engine.worker_pid not in (0, died))
    b.give(B_TO_A)
    assert await a.received() == B_TO_A


async def test_no_peer_refuses_the_handshakes_of_the_next_worker_as_old(sides: Sides) -> None:
    a, b = sides
    await b.engine.apply([AddPeer(a.config)])
    await a.engine.apply([AddPeer(b.config)])
    b.give(B_TO_A)
    assert await a.received() == B_TO_A
    await eventually(lambda: any(isinstance(e, HandshakeCompleted) for e in b.events))
    heard = len(b.events)
    os.kill(b.engine.worker_pid, signal.SIGKILL)

    def made_anew() -> bool:
        return any(isinstance(each, HandshakeCompleted) for each in b.events[heard:])

    await eventually(made_anew, seconds=15)
    assert await a.counted("wireguard_old_handshake") == 0


async def test_control_packets_arrive_while_there_is_no_worker(sides: Sides) -> None:
    a, b = sides
    os.kill(b.engine.worker_pid, signal.SIGKILL)
    await eventually(lambda: b.engine.worker_pid == 0)
    a.port.send(b"\xc8" * 40, b.endpoint)
    await eventually(lambda: b.control == [b"\xc8" * 40])


async def test_a_worker_that_is_stopped_keeps_nobody_from_closing() -> None:
    side = Side(1)
    await side.engine.start()
    pid = side.engine.worker_pid
    os.kill(pid, signal.SIGSTOP)
    await side.engine.close()
    assert not is_alive(pid)
    side.port.close()
    side.tun.close()


async def test_no_key_is_to_be_seen_from_outside(sides: Sides) -> None:
    a, b = sides
    psk = PresharedKey(bytes(range(32)))
    await a.engine.apply([AddPeer(replace(b.config, preshared_key=psk))])
    seen = shown(a.engine.worker_pid)
    assert b"meshdht.engine.worker" in seen
    for secret in (a.private.raw, psk.raw):
        assert secret not in seen
        assert secret.hex().encode() not in seen


async def test_a_closed_engine_leaves_no_process() -> None:
    side = Side(1)
    await side.engine.start()
    pid = side.engine.worker_pid
    await side.engine.close()
    assert not is_alive(pid)
    side.port.close()
    side.tun.close()


async def test_a_worker_that_hangs_is_told_of_and_delays_nobody_for_long(
    sides: Sides, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = sides
    await connect(a, b)
    before = await b.engine.stats()
    os.kill(b.engine.worker_pid, signal.SIGSTOP)
    async with asyncio.timeout(ANSWER_TIMEOUT_S + 10):
        assert await b.engine.stats() == before
    pid = b.engine.worker_pid
    assert b.engine.trouble == f"the process that carries the traffic ({pid}) does not answer"
    other = WireGuardPrivateKey(bytes([9]) * 32).public
    async with asyncio.timeout(0.5):  # it has been waited for once
        assert await b.engine.stats() == before
        await b.engine.apply([AddPeer(PeerConfig(other)), RemovePeer(a.private.public)])
    assert [record.getMessage() for record in caplog.records] == [b.engine.trouble]
    os.kill(pid, signal.SIGCONT)
    await eventually(lambda: b.engine.trouble == "")
    assert set(await b.engine.stats()) == {other}


async def test_a_worker_that_never_listens_again_is_replaced(sides: Sides) -> None:
    a, _ = sides
    stopped = a.engine.worker_pid
    os.kill(stopped, signal.SIGSTOP)
    await a.engine.stats()
    for _ in range(2 * WAITING_MAX):
        await a.engine.apply([RemovePeer(a.private.public)])
    await eventually(lambda: a.engine.worker_pid not in (0, stopped) and not a.engine.trouble)


async def test_a_worker_that_cannot_start_is_an_error_of_the_platform(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    side = Side(1)
    monkeypatch.setattr("sys.executable", "/nowhere/python3")
    with pytest.raises(PlatformError, match="does not start") as caught:
        await side.engine.start()
    assert "/nowhere/python3: No such file or directory" in str(caught.value.hint)
    await side.engine.close()
    side.port.close()
    side.tun.close()


async def test_workers_that_die_at_once_make_the_next_start_later(
    sides: Sides, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, _ = sides
    with monkeypatch.context() as broken:
        broken.setattr("sys.executable", "/bin/false")
        os.kill(a.engine.worker_pid, signal.SIGKILL)
        await eventually(lambda: a.engine.counters.get("engine_worker_restarts", 0) >= 2)
        broken.setattr("sys.executable", "/nowhere/python3")
        await asyncio.sleep(1.5)
    assert 2 <= len(caplog.records) <= 6  # after 0.05, 0.1, 0.2, 0.4, 0.8, 1.6 s
    assert "cannot be started (No such file or directory)" in caplog.text
    assert a.engine.trouble.endswith("has ended; another is being started")
    await eventually(lambda: a.engine.trouble == "", seconds=10)


async def test_what_was_counted_outlives_the_worker(sides: Sides) -> None:
    a, _ = sides
    a.give(A_TO_B)
    await a.comes_to_count("wireguard_no_route", 1)
    died = a.engine.worker_pid
    os.kill(died, signal.SIGKILL)
    await eventually(lambda: a.engine.worker_pid not in (0, died))
    await eventually(lambda: not a.engine.trouble)
    a.give(A_TO_B)
    await a.comes_to_count("wireguard_no_route", 2)
