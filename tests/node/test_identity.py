"""Who a device is."""

from __future__ import annotations

from meshdht.crypto.keys import NetworkId, NetworkSecret, WireGuardPrivateKey
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
