from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import DeviceId, SigningKey
from meshdht.errors import Malformed, RemoteError
from meshdht.limits import LINKS_TOLD
from meshdht.wire.buffer import Reader
from meshdht.wire.links import AGAIN, Link, LinkKind, decode_links, encode_links
from meshdht.wire.nat import Between
from meshdht.wire.packet import MAX_BODY_SIZE, MessageKind

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/links.json").read_text())
DEVICE = DeviceId(b"d" * 20)


def told(content: bytes) -> list[Link] | None:
    return decode_links(Reader(content))


def test_request_and_reply_agree_with_the_published_vector() -> None:
    one, other = (SigningKey(bytes.fromhex(seed)) for seed in VECTOR["device_seeds"])
    between = Between(
        device_box_key(one, other.public), one.public.device_id, other.public.device_id
    )
    nonce, message_id = bytes.fromhex(VECTOR["nonce"]), bytes.fromhex(VECTOR["message_id"])
    sealed = between.seal(MessageKind.LINKS_REQUEST, nonce, message_id)
    assert sealed.hex() == VECTOR["request"]
    links = [
        Link(DeviceId.parse(device), LinkKind(kind), rtt_s, loss)
        for device, kind, rtt_s, loss in VECTOR["links"]
    ]
    reply = between.seal(MessageKind.LINKS_REPLY, nonce, message_id, encode_links(links))
    assert reply.hex() == VECTOR["reply"]
    again = between.seal(MessageKind.LINKS_REPLY, nonce, message_id, AGAIN)
    assert again.hex() == VECTOR["again"]
    assert len(again) == len(sealed)


links = st.builds(
    Link,
    st.binary(min_size=20, max_size=20).map(DeviceId),
    st.sampled_from(LinkKind),
    st.none() | st.integers(0, 65534).map(lambda tenths: tenths / 10_000),
    st.none() | st.integers(0, 254).map(lambda part: part / 254),
)


@given(st.lists(links, max_size=LINKS_TOLD))
def test_links_are_read_as_they_were_told(some: list[Link]) -> None:
    assert told(encode_links(some)) == some


def test_as_many_as_are_told_fit_a_datagram_and_no_more_are_read() -> None:
    many = [Link(DEVICE, LinkKind.LAN)] * (2 * LINKS_TOLD)
    content = encode_links(many)
    assert told(content) == many[:LINKS_TOLD]
    between = Between(
        device_box_key(SigningKey(b"a" * 32), SigningKey(b"b" * 32).public), DEVICE, DEVICE
    )
    assert len(between.seal(MessageKind.LINKS_REPLY, bytes(24), bytes(8), content)) <= MAX_BODY_SIZE
    with pytest.raises(Malformed, match="46 links"):
        told(bytes([LINKS_TOLD + 1]) + content[1:] + bytes(24))


def test_what_is_out_of_range_is_told_as_the_nearest() -> None:
    [link] = told(encode_links([Link(DEVICE, LinkKind.RELAY, 99.0, 1.7)])) or []
    assert (link.rtt_s, link.loss) == (6.5534, 1.0)
    [link] = told(encode_links([Link(DEVICE, LinkKind.RELAY, -1.0, -1.0)])) or []
    assert (link.rtt_s, link.loss) == (0.0, 0.0)


def test_who_has_to_ask_again_is_told_so() -> None:
    assert told(AGAIN.ljust(64, b"\0")) is None


def test_a_kind_that_is_none_is_malformed() -> None:
    content = bytearray(encode_links([Link(DEVICE, LinkKind.LAN)]))
    content[21] = 9
    with pytest.raises(Malformed, match="code 9"):
        told(bytes(content))


@given(st.binary(max_size=300))
def test_any_bytes_are_links_or_a_remote_error(content: bytes) -> None:
    try:
        found = told(content)
    except RemoteError:
        return
    assert found is None or len(found) <= LINKS_TOLD
