"""Who cannot be called says at relays for whom it waits, and hears of it at once."""

from __future__ import annotations

import asyncio

from meshdht.endpoint import Endpoint
from meshdht.limits import RELAY_WAITS_MAX
from meshdht.node.relay_places import SHUN_S, WIDTH, RelayPlace, RelayPlaces
from meshdht.node.relay_waits import AGAIN_S, RelayWaits
from meshdht.wire.packet import MessageKind
from meshdht.wire.relay import SLOT_S, BindReply, Outcome, Wish, decode_bind
from simulations.loop import run
from tests.support.mesh import Machine, Mesh, mesh

AT = [Endpoint(f"203.0.113.{n}", 41820) for n in range(1, 4)]


class Waiting:
    """The waits of a machine for another, at relays that are made up."""

    def __init__(self, one: Machine, two: Machine) -> None:
        node = one.node
        self.sent: list[tuple[bytes, bytes, Endpoint]] = []
        self.called: list[tuple[object, ...]] = []
        self.looked_up = 0
        self.relays = [
            RelayPlace(two.id, AT[0], 0.3),
            RelayPlace(one.id, AT[1]),
            RelayPlace(two.id, AT[2], 0.01),
        ]
        self.places = RelayPlaces(self._look_up)  # type: ignore[arg-type]
        self.lonely = [two.id]
        self.waits = RelayWaits(
            node._relays._client,
            node._control,
            node._peers,
            self.places,
            lambda: self.lonely,
            node._meetings,
            lambda *said: self.called.append(said),
        )
        node._control.send = self._send  # type: ignore[method-assign]

    def _look_up(self) -> dict[int, RelayPlace]:
        self.looked_up += 1
        return dict(enumerate(self.relays))

    def _send(
        self, kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint, **_: object
    ) -> None:
        if kind is MessageKind.RELAY_BIND:
            self.sent.append((message_id, body, to))

    def hears(self, outcome: Outcome, now: float, source: Endpoint | None = None) -> bool:
        message_id, body, to = self.sent[-1]
        reply = BindReply(decode_bind(body).token, outcome)
        return self.waits.handle(source or to, message_id, reply, now)


async def two(world: Mesh) -> Waiting:
    one, other = await world.grow(2)
    # In the middle of a slot: the other's clock cannot be in another one.
    await asyncio.sleep(SLOT_S - one.clock.unix() % SLOT_S + SLOT_S / 2)
    return Waiting(one, other)


def test_it_waits_at_the_nearest_relays_and_says_so_again_in_time() -> None:
    async def main() -> None:
        async with mesh() as world:
            waiting = await two(world)
            waiting.waits.say(0.0)
            assert [to for *_, to in waiting.sent] == [AT[2], AT[1]]
            assert len(waiting.sent) == WIDTH
            assert {decode_bind(body).wish for _, body, _ in waiting.sent} == {Wish.WAIT}
            waiting.waits.say(AGAIN_S - 1)
            assert len(waiting.sent) == WIDTH
            waiting.waits.say(AGAIN_S)
            assert len(waiting.sent) == 2 * WIDTH

    run(main())


def test_near_the_turn_of_a_slot_it_waits_in_both() -> None:
    async def main() -> None:
        async with mesh() as world:
            waiting = await two(world)
            await asyncio.sleep(SLOT_S / 2 - 300)
            waiting.waits.say(0.0)
            assert len(waiting.sent) == 2 * WIDTH
            assert len({decode_bind(body).token for _, body, _ in waiting.sent}) == 4

    run(main())


def test_it_proves_its_address_once_and_hears_that_the_other_has_bound() -> None:
    async def main() -> None:
        async with mesh() as world:
            waiting = await two(world)
            waiting.waits.say(0.0)
            assert waiting.hears(Outcome.PROVE, 0.0)
            assert waiting.hears(Outcome.PROVE, 0.0)
            assert len(waiting.sent) == WIDTH + 1
            assert waiting.hears(Outcome.WAITING, 0.0)
            assert not waiting.called
            assert not waiting.hears(Outcome.CALLED, 0.0, Endpoint("192.0.2.1", 1))
            assert waiting.hears(Outcome.CALLED, 0.0)
            ((device, place, _),) = waiting.called
            assert (device, place) == (waiting.lonely[0], waiting.relays[1])
            assert not waiting.hears(Outcome.CALLED, 0.0), "once"

    run(main())


def test_a_relay_that_refuses_is_passed_over_for_a_while() -> None:
    async def main() -> None:
        async with mesh() as world:
            waiting = await two(world)
            waiting.waits.say(0.0)
            waiting.hears(Outcome.NOT_OFFERED, 0.0)
            shunned = waiting.relays[1].relay
            assert waiting.places.is_shunned(shunned, SHUN_S - 1)
            assert not waiting.places.is_shunned(shunned, SHUN_S)

    run(main())


def test_who_has_nobody_to_wait_for_or_no_relay_says_nothing() -> None:
    async def main() -> None:
        async with mesh() as world:
            waiting = await two(world)
            waiting.lonely = []
            waiting.waits.say(0.0)
            assert not waiting.looked_up, "where the relays are"
            waiting.lonely, waiting.relays = [waiting.relays[0].relay], []
            waiting.waits.say(AGAIN_S)
            assert not waiting.sent

    run(main())


def test_there_is_an_end_to_what_it_waits_for() -> None:
    async def main() -> None:
        async with mesh() as world:
            waiting = await two(world)
            waiting.lonely = waiting.lonely * 100
            waiting.waits.say(0.0)
            assert len(waiting.sent) == RELAY_WAITS_MAX * WIDTH

    run(main())
