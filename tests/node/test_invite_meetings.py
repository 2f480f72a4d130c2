"""Which invites a member waits by at anchors, and what it takes from there."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.keys import NetworkId
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed
from meshdht.membership.roster import Invite
from meshdht.node import invite_meetings
from meshdht.node.invite_meetings import REMEMBER_S, Invited, InviteMeetings
from meshdht.node.vantage import Lent
from meshdht.wire.channel import Incoming
from meshdht.wire.meeting import MEETING_SLOTS, meeting_key, seal_claim
from meshdht.wire.packet import ControlPacket, MessageKind
from meshdht.wire.relay import Wish, decode_bind
from simulations.loop import run
from tests.node.test_meeting import home
from tests.support.anchor import Holder
from tests.support.mesh import ELSEWHERE

ID = bytes(8)


def test_who_has_an_open_invite_waits_and_others_do_not() -> None:
    async def main() -> None:
        async with home() as (world, _, link):
            first = world.machines[0]
            meetings: InviteMeetings = first.node._meetings
            network = first.node.identity.network
            key = meeting_key(network, link.invite.invite_public)
            assert list(meetings.open().values()) == [Invited(key, 0)]
            await asyncio.sleep(3700)
            assert meetings.open() == {}
            several = [await first.invite(expires_s=3600 + n, uses=1 + n // 5) for n in range(6)]
            newest = [meeting_key(network, each.invite.invite_public) for each in several[:1:-1]]
            slots = [4, 1, 1, 1]
            assert list(meetings.open().values()) == [
                Invited(key, slot)
                for key, many in zip(newest, slots, strict=True)
                for slot in range(many)
            ]
            first.move(Endpoint("198.18.9.1", 41820), world.internet)
            assert first.node.is_public
            assert meetings.open() == {}
            assert (await first.invite()).anchors == ()

    run(main())


def test_invites_are_looked_through_and_keys_derived_once_and_an_invite_is_waited_for_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count: Counter[str] = Counter()

    def counted(name: str, work: Any) -> Any:
        def wrapped(*args: Any, **options: Any) -> Any:
            count[name] += 1
            return work(*args, **options)

        return wrapped

    for name in ("meeting_key", "derive"):
        work = counted(name, getattr(invite_meetings, name))
        monkeypatch.setattr(invite_meetings, name, work)
    looked = property(counted("look", Invite.is_used_up.fget))  # type: ignore[attr-defined]
    monkeypatch.setattr(Invite, "is_used_up", looked)

    async def main() -> None:
        async with home() as (world, box, _):
            node = world.machines[0].node
            (comer,) = node._meetings.open()
            assert count.pop("derive") == MEETING_SLOTS
            assert count.pop("meeting_key") == 1
            count.clear()
            for _ in range(100):
                node._relays.wake()
                await asyncio.sleep(0.5)
                assert node._meetings.key(comer) is not None
            assert not count
            before = len(waits(box))
            await world.machines[0].invite(uses=2)
            await asyncio.sleep(0.1)
            # The last one's, and one in each slot for this one.
            told = {decode_bind(each.body).token for each in waits(box)[before:]}
            assert len(told) == 1 + MEETING_SLOTS
            assert count["derive"] == MEETING_SLOTS
            assert count["meeting_key"] == 1

    run(main())


def waits(box: Holder) -> list[ControlPacket]:
    """What an anchor heard of those that wait there."""
    binds = [each for each in box.heard if each.kind is MessageKind.RELAY_BIND]
    return [each for each in binds if decode_bind(each.body).wish is Wish.WAIT]


def test_a_sealed_claim_is_taken_from_a_lent_port_alone_and_for_a_while_after_the_invite() -> None:
    async def main() -> None:
        async with home() as (world, box, link):
            node = world.machines[0].node
            meetings = node._meetings
            key = meeting_key(link.network, link.invite.invite_public)
            other = meeting_key(NetworkId(bytes(32)), link.invite.invite_public)

            def asked(by: BoxKey, source: Endpoint) -> Incoming:
                body = seal_claim(by, bytes(24), b"claim", ID)
                kind = MessageKind.JOIN_SEALED
                packet = ControlPacket(kind, box.id, 0, ID, b"", b"", body)
                return Incoming(packet, source, True, 400)

            there = Endpoint(box.endpoint.host, 42000)
            with pytest.raises(OpenFailed, match="no relay"):
                meetings.opened(asked(key, ELSEWHERE))
            node.vantage.lent[there] = Lent(box.id, 0.0)
            with pytest.raises(OpenFailed, match="no invite"):
                meetings.opened(asked(other, there))
            for _ in range(20):
                await asyncio.sleep(REMEMBER_S - 1)
                opened = meetings.opened(asked(key, there)).packet
                assert (opened.kind, opened.body) == (MessageKind.JOIN_REQUEST, b"claim")
                assert node.vantage.lent[there].heard == node._control.clock.monotonic()
            assert meetings.open() == {}
            await asyncio.sleep(2 * REMEMBER_S)
            meetings.open()
            with pytest.raises(OpenFailed, match="no invite"):
                meetings.opened(asked(key, there))

    run(main())
