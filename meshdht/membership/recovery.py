"""The recovery key as a person keeps it, and what it signs.

    base32 (RFC 4648) of: seed 32 ‖ digest("recovery key checksum", seed, size=3)

56 characters, by hyphens in fourteen groups of four: no digit in it looks like a letter of it, and
a QR code takes it in its alphanumeric mode. Case, white space and hyphens do not matter.
"""

from __future__ import annotations

import base64
import binascii

from meshdht.crypto.derive import digest
from meshdht.crypto.keys import RecoveryKey
from meshdht.errors import UsageError
from meshdht.membership.administration import RecoverBody
from meshdht.membership.log import MembershipLog
from meshdht.membership.roster import Device
from meshdht.membership.statements import GenesisBody, Statement, sign_statement

_CHECKSUM_SIZE = 3
_CHARACTERS = (RecoveryKey.SIZE + _CHECKSUM_SIZE) * 8 // 5
_GROUP = 4
_WHERE = "meshdht init printed it when the network was made"


def spell(key: RecoveryKey) -> str:
    """The text above: secret."""
    text = base64.b32encode(key.raw + _checksum(key.raw)).decode()
    return "-".join(text[at : at + _GROUP] for at in range(0, _CHARACTERS, _GROUP))


def parse_recovery_key(text: str) -> RecoveryKey:
    """Read what ``spell`` wrote; raises UsageError, which never repeats it."""
    compact = "".join(text.split()).replace("-", "").upper()
    if len(compact) != _CHARACTERS:
        said = f"a recovery key has {_CHARACTERS} letters and digits, this text {len(compact)}"
        raise UsageError(said, _WHERE)
    try:
        whole = base64.b32decode(compact)
    except (ValueError, binascii.Error):
        said = "a recovery key has the letters A to Z and the digits 2 to 7"
        raise UsageError(said, _WHERE) from None
    seed, checksum = whole[: RecoveryKey.SIZE], whole[RecoveryKey.SIZE :]
    if checksum != _checksum(seed):
        raise UsageError("a letter of this recovery key is wrong, or two changed places", _WHERE)
    return RecoveryKey(seed)


def write_recovery(
    log: MembershipLog, device: Device, key: RecoveryKey, *, unix_ms: int
) -> Statement:
    """Make a member an admin, senior to all; not yet in the log. Raises UsageError for the key of
    another network."""
    genesis = log.genesis
    if genesis is None or not isinstance(genesis.body, GenesisBody):
        raise UsageError("the membership log lacks its first statement")
    if key.public != genesis.body.recovery:
        raise UsageError("this is the recovery key of another network", _WHERE)
    return sign_statement(
        RecoverBody(device.verify_key),
        network=log.network,
        author=key,
        parents=log.parents_for(*device.authority),
        unix_ms=unix_ms,
    )


def _checksum(seed: bytes) -> bytes:
    return digest("recovery key checksum", seed, size=_CHECKSUM_SIZE)
