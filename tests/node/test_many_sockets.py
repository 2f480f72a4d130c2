"""The two sides: what each opens, sends and lets go of."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import BIRTHDAY_SOCKETS, BIRTHDAY_TRIES_ONE_WITNESS
from meshdht.node.many_sockets import PROVE_S, ManySockets, ManyTries
from meshdht.node.sightings import Seen
from simulations.host import Host
from simulations.loop import run
from tests.support.nats import CONE, SYMMETRIC, behind, settle

FAR = Endpoint("198.51.100.66", 4000)


def seen(endpoint: Endpoint, voices: int = 2) -> Seen:
    return Seen(endpoint, (endpoint.port,) * voices, voices)


def outer(host: Host) -> str:
    return str(host.side.nat.host)  # type: ignore[attr-defined]


def sockets_of(host: Host) -> ManySockets:
    sockets = host.node.traversal.puncher._sockets
    assert sockets is not None
    return sockets


@asynccontextmanager
async def a_pair() -> AsyncIterator[tuple[Host, Host]]:
    async with behind(CONE, SYMMETRIC) as (_, hosts):
        await settle(hosts)
        easy, hard = hosts
        yield easy, hard


async def fire(side: ManySockets | ManyTries, device: DeviceId, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while loop.time() < ends and not side.volley.is_over(device, loop.time()):
        side.fire(loop.time())
        await asyncio.sleep(0.02)


def test_the_sockets_of_an_attempt_are_closed_with_the_last_one_that_needs_them() -> None:
    async def main() -> None:
        async with a_pair() as (easy, hard):
            sockets, now = sockets_of(hard), asyncio.get_running_loop().time()
            other = DeviceId(b"x" * 20)
            sockets.begin(easy.id, seen(FAR), now)
            sockets.begin(other, seen(FAR._replace(port=1)), now)
            await fire(sockets, easy.id, 2.0)
            assert len(hard.legs) == BIRTHDAY_SOCKETS
            assert sockets.end(easy.id)
            assert len(hard.legs) == BIRTHDAY_SOCKETS
            # To one that is no member nothing was sent, though its turn came.
            assert sockets._counters["sent_by_sockets"] == BIRTHDAY_SOCKETS
            sockets.end(other)
            assert len(hard.legs) == 0

    run(main())


def test_what_a_socket_hears_from_elsewhere_makes_no_leg() -> None:
    async def main() -> None:
        async with a_pair() as (easy, hard):
            sockets, now = sockets_of(hard), asyncio.get_running_loop().time()
            sockets.begin(easy.id, seen(FAR), now)
            assert sockets._is_welcome(FAR)
            assert not sockets._is_welcome(FAR._replace(port=1))
            sockets.end(easy.id)
            assert not sockets._is_welcome(FAR)

    run(main())


def test_a_leg_whose_peer_does_not_answer_is_closed() -> None:
    async def main() -> None:
        async with a_pair() as (easy, hard):
            sockets, loop = sockets_of(hard), asyncio.get_running_loop()
            sockets.begin(easy.id, seen(FAR), loop.time())
            spare = sockets._spare(0)
            assert spare is not None
            leg = spare.join(FAR)  # type: ignore[attr-defined]
            sockets._met(leg, FAR)
            sockets.end(easy.id)
            assert len(hard.legs) == 1
            sockets.close_dead(loop.time() + PROVE_S - 0.1)
            assert len(hard.legs) == 1
            sockets.close_dead(loop.time() + PROVE_S)
            assert len(hard.legs) == 0
            assert leg not in hard.node.vantage.legs

    run(main())


def test_tries_go_to_one_address_and_fewer_where_one_alone_has_seen_the_peer_there() -> None:
    async def main() -> None:
        async with a_pair() as (easy, hard):
            sent: list[Endpoint] = []
            beyond = easy.node._peers.beyond
            beyond.probe = lambda device, to: sent.append(to)  # type: ignore[method-assign]
            counters: Counter[str] = Counter()
            tries = ManyTries(beyond, easy.node._control, counters)
            tries.begin(hard.id, seen(FAR, voices=1), asyncio.get_running_loop().time())
            assert tries.is_aimed_at(FAR.host)
            assert not tries.is_aimed_at(outer(hard))
            await fire(tries, hard.id, 12.0)
            assert len(set(sent)) == len(sent) == BIRTHDAY_TRIES_ONE_WITNESS == counters["tries"]
            assert {each.host for each in sent} == {FAR.host}
            assert tries.end(hard.id)
            assert not tries.is_aimed_at(FAR.host)

    run(main())
