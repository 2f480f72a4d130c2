"""Who a device is."""

from __future__ import annotations

from meshdht.crypto.keys import NetworkId, NetworkSecret, WireGuardPrivateKey
from meshdht.limits import OLDER_GENERATIONS, OLDER_GENERATIONS_S, WAITING_GENERATIONS
from meshdht.membership.generations import FIRST_GENERATION, Generation
from meshdht.node.identity import Identity
from tests.membership.household import signing_key

SECRETS = (signing_key(1), WireGuardPrivateKey(b"\x05" * 32), NetworkSecret(b"\x07" * 32))
IDENTITY = Identity(
    SECRETS[0], SECRETS[1], NetworkId(bytes(32)), Generation(FIRST_GENERATION, SECRETS[2])
)


def test_the_device_id_is_that_of_the_signing_key() -> None:
    assert IDENTITY.device == signing_key(1).public.device_id


def test_no_secret_is_in_its_text() -> None:
    text = repr(IDENTITY) + str(IDENTITY)
    for secret in SECRETS:
        assert secret.raw.hex() not in text
        assert repr(secret.raw) not in text


def generation(number: int) -> Generation:
    return Generation(number, NetworkSecret(bytes([number]) * 32))


def fresh() -> Identity:
    return Identity(SECRETS[0], SECRETS[1], NetworkId(bytes(32)), generation(1))


def test_a_secret_waits_until_it_is_used() -> None:
    identity = fresh()
    assert identity.learn(generation(2), 5.0)
    assert not identity.learn(generation(2), 6.0)
    assert identity.waits(generation(2))
    assert identity.generation == generation(1)
    identity.use(generation(2), 7.0)
    assert not identity.waits(generation(2))
    assert identity.generation == generation(2)
    assert identity.other_packet_keys == [generation(1).secret.packet_key]
    assert identity.under(generation(1).secret.packet_key) == generation(1)
    assert identity.under(None) == generation(2)


def test_the_last_older_generations_are_remembered_for_their_time() -> None:
    identity = fresh()
    for number in range(2, OLDER_GENERATIONS + 5):
        identity.use(generation(number), float(number))
    kept = [each.generation.number for each in identity.others]
    assert kept == list(range(4, OLDER_GENERATIONS + 4))
    assert not identity.forget_old(OLDER_GENERATIONS_S)
    assert identity.forget_old(OLDER_GENERATIONS_S + 6.5)
    assert [each.generation.number for each in identity.others] == kept[2:]


def test_secrets_that_wait_push_out_no_older_generation() -> None:
    identity = fresh()
    identity.use(generation(2), 1.0)
    for number in range(3, 30):
        identity.learn(generation(number), float(number))
    assert identity.held(generation(1).commitment(identity.network)) == generation(1)
    assert len(identity.others) == 1 + WAITING_GENERATIONS


def test_what_waited_in_vain_is_over() -> None:
    identity = fresh()
    identity.learn(generation(2), 1.0)
    commitment = generation(2).commitment(identity.network)
    assert identity.end(commitment, 2.0)
    assert not identity.end(commitment, 3.0)
    assert not identity.waits(generation(2))
