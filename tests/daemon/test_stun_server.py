"""The STUN server that a user may name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from meshdht.clock import SeededEntropy
from meshdht.daemon.stun_server import AGAIN_S, PAUSES_S, RETRY_S, StunServer
from meshdht.endpoint import Endpoint
from simulations.loop import run
from tests.support.stun import response

SERVER = Endpoint("192.0.2.1", 3478)
OUTER = Endpoint("203.0.113.9", 5000)


class Line:
    """Between the client and a server that answers unless it is ``deaf``."""

    def __init__(self) -> None:
        self.deaf = False
        self.server = SERVER
        self.sent: list[bytes] = []
        self.seen: list[tuple[Endpoint, Endpoint]] = []
        self.client = StunServer(
            str(SERVER), self._send, lambda *said: self.seen.append(said), SeededEntropy(1)
        )

    def _send(self, request: bytes, to: Endpoint) -> None:
        assert to == self.server
        self.sent.append(request)
        if not self.deaf:
            answer = response(request, *OUTER)
            asyncio.get_running_loop().call_later(0.02, self.client.received, answer, SERVER)


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    it = Line()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(it.client.run())
        yield it
        task.cancel()


def test_it_is_asked_at_a_start_after_a_change_and_now_and_then() -> None:
    async def main() -> None:
        async with line() as it:
            await asyncio.sleep(1)
            assert it.seen == [(SERVER, OUTER)]
            it.client.network_changed()
            await asyncio.sleep(1)
            assert len(it.seen) == 2
            await asyncio.sleep(AGAIN_S + 1)
            assert len(it.seen) == len(it.sent) == len(set(it.sent)) == 3

    run(main())


def test_one_that_does_not_answer_is_asked_a_few_times_and_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with line() as it:
            it.deaf = True
            await asyncio.sleep(sum(PAUSES_S) + 1)
            assert len(it.sent) == len(PAUSES_S)
            assert len(set(it.sent)) == 1
            await asyncio.sleep(RETRY_S + sum(PAUSES_S))
            assert len(it.sent) == 2 * len(PAUSES_S)
            assert it.seen == []

    run(main())
    assert caplog.text.count("does not answer") == 1


def test_what_was_not_asked_for_or_comes_from_elsewhere_is_counted_and_not_believed() -> None:
    async def main() -> None:
        async with line() as it:
            it.deaf = True
            await asyncio.sleep(0.1)
            lie = response(it.sent[0], *OUTER)
            it.client.received(lie, Endpoint("198.51.100.1", 3478))
            it.client.received(response(bytes(20), *OUTER), SERVER)
            it.client.received(lie[:-1], SERVER)
            assert it.client.counters == {"not_asked_for": 2, "malformed": 1}
            it.client.received(lie, SERVER)
            it.client.received(lie, SERVER)
            assert it.seen == [(SERVER, OUTER)]
            assert it.client.counters["not_asked_for"] == 3

    run(main())


def test_another_one_is_asked_at_once_and_nobody_where_none_is_named() -> None:
    async def main() -> None:
        async with line() as it:
            await asyncio.sleep(1)
            it.client.use(None)
            await asyncio.sleep(2 * AGAIN_S)
            assert len(it.sent) == 1
            it.deaf = True
            it.client.use("192.0.2.7:3478")
            it.server = Endpoint("192.0.2.7", 3478)
            await asyncio.sleep(1)
            asked = len(it.sent)
            assert asked > 1
            it.deaf = False
            it.client.use(str(SERVER))
            it.server = SERVER
            await asyncio.sleep(0.5)
            assert it.seen == [(SERVER, OUTER)] * 2

    run(main())
