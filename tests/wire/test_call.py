from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import device_box_key, seal
from meshdht.crypto.keys import DeviceId, SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, OpenFailed, RemoteError
from meshdht.limits import CALL_ENDPOINTS_MAX, CALL_RELAYS_MAX
from meshdht.wire.call import BOX_SIZE, CallContent, RelayHint, open_call, seal_call

ALICE, BOB = SigningKey(b"a" * 32), SigningKey(b"b" * 32)
A, B = ALICE.public.device_id, BOB.public.device_id
KEY = device_box_key(ALICE, BOB.public)
NONCE = SeededEntropy(1).token(24)
RELAYS = tuple(
    RelayHint(DeviceId(bytes([n]) * 20), Endpoint(f"2001:db8::{n}", 41820), n, n / 100)
    for n in range(1, CALL_RELAYS_MAX + 1)
)
HERE = tuple(Endpoint(f"2001:db8::{n}", 41820) for n in range(1, CALL_ENDPOINTS_MAX + 1))
VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/bodies.json").read_text())


def test_a_call_agrees_with_the_published_vector() -> None:
    one, other = (SigningKey(bytes.fromhex(seed)) for seed in VECTOR["device_seeds"])
    key, nonce = device_box_key(one, other.public), bytes.fromhex(VECTOR["nonce"])
    where = tuple(Endpoint.parse(each) for each in VECTOR["call_endpoints"])
    relays = tuple(
        RelayHint(DeviceId.parse(relay), Endpoint.parse(endpoint), slot, delay_s)
        for relay, endpoint, slot, delay_s in VECTOR["call_relays"]
    )
    nat = VECTOR["call_nat"]
    content = CallContent(int(VECTOR["call_date_ms"]), True, where, relays, nat, is_needed=True)
    ids = one.public.device_id, other.public.device_id
    assert seal_call(key, nonce, *ids, content).hex() == VECTOR["call_box"]
    assert open_call(key, bytes.fromhex(VECTOR["call_box"]), *ids) == content


@pytest.mark.parametrize("count", range(CALL_ENDPOINTS_MAX + 1))
def test_boxes_have_one_size_and_are_read_as_they_were_written(count: int) -> None:
    said = HERE[:count], RELAYS[: count % 4], 7 * count
    content = CallContent(2**63, count % 2 == 1, *said, is_needed=count > 2)
    box = seal_call(device_box_key(BOB, ALICE.public), NONCE, A, B, content)
    assert len(box) == BOX_SIZE
    assert open_call(KEY, box, A, B) == content


def test_a_box_opens_for_its_two_in_their_roles_alone() -> None:
    box = seal_call(KEY, NONCE, A, B, CallContent(1, False, HERE))
    eve = SigningKey(b"e" * 32)
    for key, caller, callee in (
        (KEY, B, A),
        (KEY, eve.public.device_id, B),
        (device_box_key(eve, BOB.public), A, B),
    ):
        with pytest.raises(OpenFailed):
            open_call(key, box, caller, callee)


def test_too_many_endpoints_are_malformed() -> None:
    plain = bytes(10) + bytes([CALL_ENDPOINTS_MAX + 1]) + bytes(200)
    box = NONCE + seal(KEY, NONCE, plain, b"call" + A.raw + B.raw)
    with pytest.raises(Malformed):
        open_call(KEY, box, A, B)


def test_too_many_relays_are_malformed() -> None:
    plain = bytes(10) + bytes([CALL_RELAYS_MAX + 1]) + bytes(200)
    box = NONCE + seal(KEY, NONCE, plain, b"call" + A.raw + B.raw)
    with pytest.raises(Malformed):
        open_call(KEY, box, A, B)


def test_a_delay_is_told_as_long_as_it_is_one() -> None:
    for delay_s, told in ((0.0123, 0.012), (1e6, 65.534), (-1.0, 0.0), (None, None)):
        hint = RelayHint(A, Endpoint("192.0.2.9", 1), 0, delay_s)
        box = seal_call(KEY, NONCE, A, B, CallContent(1, False, (), (hint,)))
        assert open_call(KEY, box, A, B).relays[0].delay_s == told


@given(st.binary(max_size=300))
def test_any_bytes_that_a_member_boxes_are_a_call_or_an_error(plain: bytes) -> None:
    try:
        open_call(KEY, NONCE + seal(KEY, NONCE, plain, b"call" + A.raw + B.raw), A, B)
        open_call(KEY, plain, A, B)
    except RemoteError:
        pass
