"""The vectors of what gets two devices to each other: NATs, links, streams, relays."""

from __future__ import annotations

from inputs import LAPTOP, NAS, NONCE, SECRET, UNIX

from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import DeviceId, InviteKey, NetworkId
from meshdht.endpoint import Endpoint
from meshdht.wire.call import RelayHint
from meshdht.wire.links import AGAIN, Link, LinkKind, encode_links
from meshdht.wire.meeting import meeting_key, seal_claim
from meshdht.wire.nat import Between, NatReply, NatRequest, NatTask
from meshdht.wire.packet import MessageKind
from meshdht.wire.relay import (
    SLOT_S,
    Bind,
    BindReply,
    Outcome,
    Wish,
    encode_bind,
    encode_bind_reply,
    relay_side,
    relay_token,
)
from meshdht.wire.stream import MAIN_PORT, answer, frame, greet


def nat() -> object:
    key = device_box_key(NAS, LAPTOP.public)
    nas, laptop = NAS.public.device_id, LAPTOP.public.device_id
    between = Between(key, nas, laptop)
    message_id, token = bytes(range(8)), bytes(range(8, 16))
    endpoint = Endpoint("192.0.2.7", 51820)
    request = NatRequest(NatTask.ON_BEHALF, token, nas, endpoint).encode()
    reply = NatReply(True, endpoint).encode()
    return {
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "nonce": NONCE.hex(),
        "message_id": message_id.hex(),
        "token": token.hex(),
        "endpoint": str(endpoint),
        "request": between.seal(MessageKind.NAT_REQUEST, NONCE, message_id, request).hex(),
        "reply": between.seal(MessageKind.NAT_REPLY, NONCE, message_id, reply).hex(),
        "probe": between.seal(MessageKind.NAT_PROBE, NONCE, token).hex(),
    }


def links() -> object:
    nas, laptop = NAS.public.device_id, LAPTOP.public.device_id
    between = Between(device_box_key(NAS, LAPTOP.public), nas, laptop)
    message_id = bytes(range(8))
    told = [
        Link(DeviceId(bytes(range(20))), LinkKind.LAN, 0.0004, 0.0),
        Link(DeviceId(bytes(range(20, 40))), LinkKind.RELAY, 0.0841),
        Link(DeviceId(bytes(range(40, 60))), LinkKind.DIRECT),
    ]
    reply = encode_links(told)
    return {
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "nonce": NONCE.hex(),
        "message_id": message_id.hex(),
        "links": [[str(each.device), each.kind, each.rtt_s, each.loss] for each in told],
        "request": between.seal(MessageKind.LINKS_REQUEST, NONCE, message_id).hex(),
        "reply": between.seal(MessageKind.LINKS_REPLY, NONCE, message_id, reply).hex(),
        "again": between.seal(MessageKind.LINKS_REPLY, NONCE, message_id, AGAIN).hex(),
    }


def stream() -> object:
    asks, answers = NONCE, bytes(reversed(NONCE))
    key = SECRET.packet_key
    return {
        "packet_key": key.raw.hex(),
        "nonce_asks": asks.hex(),
        "nonce_answers": answers.hex(),
        "greeting": frame(MAIN_PORT, greet(key, asks)).hex(),
        "answer": frame(MAIN_PORT, answer(key, answers, asks)).hex(),
        "frame": frame(51820, b"datagram").hex(),
    }


def hints() -> tuple[RelayHint, ...]:
    """What a call says of two relays: one whose delay is known, and one whose is not."""
    one, two = (DeviceId(bytes([each]) * DeviceId.SIZE) for each in (1, 2))
    return (
        RelayHint(one, Endpoint("192.0.2.9", 41820), UNIX // SLOT_S, 0.023),
        RelayHint(two, Endpoint("2001:db8::9", 41820), UNIX // SLOT_S),
    )


def relay() -> object:
    key, slot = device_box_key(NAS, LAPTOP.public), UNIX // SLOT_S
    at = DeviceId(bytes(range(DeviceId.SIZE)))
    token = relay_token(key, at, slot)
    return {
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "relay": at.raw.hex(),
        "slot": slot,
        "token": token.hex(),
        "sides": [
            relay_side(key, each.public.device_id, at, slot).raw.hex() for each in (NAS, LAPTOP)
        ],
        "bind": encode_bind(Bind(token)).hex(),
        "wait": encode_bind(Bind(token, Wish.WAIT)).hex(),
        "begin": encode_bind(Bind(token, Wish.BEGIN)).hex(),
        "let_go": encode_bind(Bind(token, Wish.LET_GO)).hex(),
        "joined": encode_bind_reply(BindReply(token, Outcome.JOINED, 41900, 90)).hex(),
        "refused": encode_bind_reply(BindReply(token, Outcome.FULL)).hex(),
        "meeting": meeting(),
    }


def meeting() -> object:
    invite, network = InviteKey(bytes([5] * 32)), NetworkId(bytes([6] * 32))
    key, claim, message_id = meeting_key(network, invite.invite_public), b"a claim", bytes(8)
    return {
        "invite_seed": invite.raw.hex(),
        "network_id": network.raw.hex(),
        "key": key.raw.hex(),
        "nonce": NONCE.hex(),
        "message_id": message_id.hex(),
        "claim": claim.hex(),
        "body": seal_claim(key, NONCE, claim, message_id).hex(),
    }
