"""What members say to each other in boxes, sent and opened."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import patch

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.errors import RemoteError
from meshdht.node.boxed_talk import BoxedTalk
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import ControlPacket, MessageKind
from simulations.loop import run
from tests.support.mesh import Machine, mesh

KIND, ID, STRANGER = MessageKind.LINKS_REQUEST, b"message!", DeviceId(b"s" * 20)


def talk_of(machine: Machine) -> BoxedTalk:
    return BoxedTalk(machine.id, machine.node._control, machine.node._peers)


def said(by: Machine, to: Machine | DeviceId, content: bytes) -> list[bytes]:
    """The bodies that it sends."""
    bodies: list[bytes] = []

    def note(kind: MessageKind, message_id: bytes, body: bytes, *_: Any) -> None:
        assert (kind, message_id) == (KIND, ID)
        bodies.append(body)

    with patch.object(by.node._control, "send", note):
        device = to if isinstance(to, DeviceId) else to.id
        talk_of(by).send(KIND, device, by.endpoint, ID, content)
    return bodies


def come(body: bytes, sender: DeviceId, at: Machine) -> Incoming:
    packet = ControlPacket(KIND, sender, 0, ID, bytes(8), bytes(8), body)
    return Incoming(packet, at.endpoint, True, 200)


def test_what_a_member_says_is_opened_by_whom_it_is_for_and_nobody_else() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(10)
            (body,) = said(first, second, b"content")
            assert b"content" not in body
            reader = talk_of(second).open(come(body, first.id, second))
            assert reader is not None
            assert reader.take(7) == b"content"
            with pytest.raises(RemoteError):
                talk_of(third).open(come(body, first.id, third))

    run(main())


def test_a_stranger_is_told_nothing_and_not_listened_to() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(10)
            assert said(first, STRANGER, b"content") == []
            (body,) = said(first, second, b"content")
            assert talk_of(second).open(come(body, STRANGER, second)) is None

    run(main())
