"""Bodies of the statements by which a network is run, after the founding and the joining.

 6 grant admin     device key 32
 7 remove admin    device key 32
 8 revoke          key 32 of a device or an anchor
 9 leave           nothing: the author revokes itself
10 rename          device key 32 ‖ name text
11 tag             device key 32 ‖ tags
12 expire          device key 32 ‖ u64, Unix seconds; 0 never
13 revoke invite   invite public key 32
14 rekey           generation u32, not 0 ‖ commitment 32 to its secret (see generations.py)
16 recover         device key 32; the author is the network's recovery key
17 succeed         new device key 32 ‖ new WireGuard key 32 ‖ signature 64 by the new key
                   over all before it (see statements.py)
18 retire          device key 32 that another one has succeeded
19 name            text, a label ‖ targets (see extra_names.py)

tags = number u8, at most 8 ‖ text each, a label of at most 32, ascending and distinct
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from meshdht.crypto.keys import InvitePublicKey, VerifyKey, WireGuardPublicKey
from meshdht.errors import Malformed, UsageError
from meshdht.limits import TAGS_MAX
from meshdht.membership.extra_names import Target, read_targets, write_targets
from meshdht.membership.names import read_label, validate_label
from meshdht.wire.buffer import Reader, Writer

COMMITMENT_SIZE = 32
SIGNATURE_SIZE = 64
TAG_LENGTH_MAX = 32


@dataclass(frozen=True, slots=True)
class GrantAdminBody:
    """A device may invite, grant, remove and revoke from here on."""

    device: VerifyKey


@dataclass(frozen=True, slots=True)
class RemoveAdminBody:
    """A device is no admin any more; it stays a member."""

    device: VerifyKey


@dataclass(frozen=True, slots=True)
class RevokeBody:
    """A device or an anchor is out, and its key for ever."""

    key: VerifyKey


@dataclass(frozen=True, slots=True)
class LeaveBody:
    """The author is out, by its own word."""


@dataclass(frozen=True, slots=True)
class RenameBody:
    """A device asks for another name, or an admin for it."""

    device: VerifyKey
    name: str


@dataclass(frozen=True, slots=True)
class TagBody:
    """A device has these tags, and no others."""

    device: VerifyKey
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExpireBody:
    """A device is to be revoked at a moment (Unix seconds); 0: never."""

    device: VerifyKey
    expires: int


@dataclass(frozen=True, slots=True)
class RevokeInviteBody:
    """Nobody comes in by this invite any more."""

    invite: InvitePublicKey


@dataclass(frozen=True, slots=True)
class RekeyBody:
    """A generation begins: its number, and a commitment that tells its secret from others."""

    generation: int
    commitment: bytes


@dataclass(frozen=True, slots=True)
class RecoverBody:
    """A device is an admin, senior to all, by the recovery key that the genesis names."""

    device: VerifyKey


@dataclass(frozen=True, slots=True)
class SucceedBody:
    """The author's device goes on by other keys, and the author's is worth nothing more."""

    device: VerifyKey
    wireguard_key: WireGuardPublicKey
    countersignature: bytes
    """By the new key, over all bytes of the statement before it."""


@dataclass(frozen=True, slots=True)
class RetireBody:
    """An admin says of a key that was succeeded: what it signed, and this does not build on, is
    void."""

    device: VerifyKey


@dataclass(frozen=True, slots=True)
class NameBody:
    """A name that is no device's stands for these targets and no others; without any it is gone."""

    name: str
    targets: tuple[Target, ...]


RemovalBody = RemoveAdminBody | RevokeBody | LeaveBody | RevokeInviteBody | SucceedBody | RetireBody
AdministrationBody = (
    RemovalBody
    | GrantAdminBody
    | RenameBody
    | TagBody
    | ExpireBody
    | RekeyBody
    | RecoverBody
    | NameBody
)


def encode_administration(body: AdministrationBody) -> tuple[int, bytes]:
    """Kind and bytes of a body."""
    writer = Writer()
    match body:
        case GrantAdminBody(device):
            return 6, device.raw
        case RemoveAdminBody(device):
            return 7, device.raw
        case RevokeBody(key):
            return 8, key.raw
        case LeaveBody():
            return 9, b""
        case RenameBody(device, name):
            return 10, writer.raw(device.raw).text(name).bytes()
        case TagBody(device, tags):
            return 11, write_tags(writer.raw(device.raw), tags).bytes()
        case ExpireBody(device, expires):
            return 12, writer.raw(device.raw).u64(expires).bytes()
        case RevokeInviteBody(invite):
            return 13, invite.raw
        case RekeyBody(generation, commitment):
            return 14, writer.u32(generation).raw(commitment).bytes()
        case RecoverBody(device):
            return 16, device.raw
        case SucceedBody(device, wireguard_key, countersignature):
            return 17, device.raw + wireguard_key.raw + countersignature
        case RetireBody(device):
            return 18, device.raw
        case NameBody(name, targets):
            return 19, write_targets(writer.text(name), targets).bytes()


def read_administration(kind: int, reader: Reader) -> AdministrationBody | None:
    """The body of a kind that is among those above; None if it is not; raises Malformed."""
    match kind:
        case 6:
            return GrantAdminBody(_read_key(reader))
        case 7:
            return RemoveAdminBody(_read_key(reader))
        case 8:
            return RevokeBody(_read_key(reader))
        case 9:
            return LeaveBody()
        case 10:
            return RenameBody(_read_key(reader), read_label(reader))
        case 11:
            return TagBody(_read_key(reader), read_tags(reader))
        case 12:
            return ExpireBody(_read_key(reader), reader.u64())
        case 13:
            return RevokeInviteBody(InvitePublicKey(reader.take(InvitePublicKey.SIZE)))
        case 14:
            generation, commitment = reader.u32(), reader.take(COMMITMENT_SIZE)
            if generation == 0:
                raise Malformed("no generation has the number 0")
            return RekeyBody(generation, commitment)
        case 16:
            return RecoverBody(_read_key(reader))
        case 17:
            device, tunnel = _read_key(reader), reader.take(WireGuardPublicKey.SIZE)
            return SucceedBody(device, WireGuardPublicKey(tunnel), reader.take(SIGNATURE_SIZE))
        case 18:
            return RetireBody(_read_key(reader))
        case 19:
            name, targets = read_label(reader), read_targets(reader)
            if targets == (Target(name),):
                raise Malformed("a name that leads to itself")
            return NameBody(name, targets)
    return None


def write_tags(writer: Writer, tags: tuple[str, ...]) -> Writer:
    """Tags, as above; they are put in order."""
    writer.u8(len(tags))
    for tag in sorted(tags):
        writer.text(tag)
    return writer


def read_tags(reader: Reader) -> tuple[str, ...]:
    """What ``write_tags`` wrote; raises Malformed."""
    count = reader.u8()
    if count > TAGS_MAX:
        raise Malformed(f"{count} tags, more than {TAGS_MAX}")
    tags = tuple(read_label(reader, TAG_LENGTH_MAX) for _ in range(count))
    if any(low >= high for low, high in pairwise(tags)):
        raise Malformed("tags out of order, or one named twice")
    return tags


def validate_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Tags as a statement has them, ascending and distinct; raises UsageError that says what is
    wrong with one."""
    tags = tuple(sorted({validate_label(text, "tag", TAG_LENGTH_MAX) for text in texts}))
    if len(tags) > TAGS_MAX:
        raise UsageError(f"{len(tags)} tags are too many", f"a device has at most {TAGS_MAX}")
    return tags


def _read_key(reader: Reader) -> VerifyKey:
    return VerifyKey(reader.take(VerifyKey.SIZE))
