"""What decoders see behind a seal, a signature or a checksum: fuzzed bytes are sealed or signed
under the right keys first, so that they come as far as a member's or an insider's would."""

from __future__ import annotations

from meshdht.crypto.boxes import NONCE_SIZE, BoxKey, seal
from meshdht.crypto.keys import (
    GossipKey,
    InviteKey,
    NetworkId,
    PacketKey,
    SigningKey,
    WireGuardPublicKey,
)
from meshdht.endpoint import Endpoint
from meshdht.gossip import messages as gossip
from meshdht.membership import administration, anchor_link, claims, link, statements
from meshdht.membership.administration import (
    AdministrationBody,
    ExpireBody,
    GrantAdminBody,
    LeaveBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    RetireBody,
    RevokeBody,
    RevokeInviteBody,
    SucceedBody,
    TagBody,
)
from meshdht.membership.claims import decode_claim, make_claim
from meshdht.membership.fold import fold
from meshdht.membership.generations import decode_hand_over
from meshdht.membership.invites import write_genesis, write_invite
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import (
    AdmitBody,
    GenesisBody,
    Statement,
    decode_statement,
    sign_statement,
)
from meshdht.wire import disco
from meshdht.wire.join import JoinOutcome, decode_reason, open_join_reply, seal_join_reply
from meshdht.wire.packet import MESSAGE_ID_SIZE, MessageKind
from simulations.ledger import RANGE

UNIX = 1_700_000_000
NONCE = bytes(NONCE_SIZE)
MESSAGE_ID = bytes(MESSAGE_ID_SIZE)
MEMBER, JOINER = (SigningKey(bytes([n]) * 32) for n in (1, 2))
INVITE = InviteKey(bytes([3]) * 32)
GOSSIP_KEY = GossipKey(bytes(32))
BOX_KEY = BoxKey(bytes(32))
ONE, OTHER = MEMBER.public.device_id, JOINER.public.device_id
WIREGUARD, JOINERS_WIREGUARD = (WireGuardPublicKey(bytes([n]) * 32) for n in (8, 9))


def probe(plaintext: bytes) -> None:
    disco.open_probe(BOX_KEY, _boxed(MessageKind.PROBE, plaintext), ONE, OTHER, MESSAGE_ID)


def probe_reply(plaintext: bytes) -> disco.ProbeAnswer:
    body = _boxed(MessageKind.PROBE_REPLY, plaintext)
    return disco.open_reply(BOX_KEY, body, ONE, OTHER, MESSAGE_ID)


def _boxed(kind: MessageKind, plaintext: bytes) -> bytes:
    return NONCE + seal(BOX_KEY, NONCE, plaintext, bytes([kind]) + ONE.raw + OTHER.raw)


PROBES = (MESSAGE_ID + bytes(24),)
PROBE_REPLIES = tuple(
    MESSAGE_ID + tail.ljust(24, b"\0")
    for tail in (b"\4\xc0\0\2\1\xa3\x5c", b"\6" + bytes(range(1, 19)), b"")
)


def sealed_gossip(plaintext: bytes) -> object:
    body = NONCE + seal(GOSSIP_KEY, NONCE, plaintext, ONE.raw)
    return gossip.open_gossip(GOSSIP_KEY, ONE, body)


GOSSIP = tuple(
    gossip.encode(message)
    for message in (
        gossip.Sync(True, bytes(32), (bytes(32),), ((ONE, 7), (OTHER, 2**64 - 1))),
        gossip.Fetch((bytes(32), bytes([1]) * 32)),
        gossip.Statements((b"one", bytes(300))),
        gossip.Record(ONE, 5, bytes(800)),
        gossip.Want((ONE, OTHER)),
        gossip.Applicant(bytes(250)),
        gossip.Denial(JOINER.public, "not one of ours"),
    )
)


def join_reply(data: bytes) -> object:
    """The first byte chooses the outcome, the rest is what the box holds."""
    outcome = JoinOutcome.REFUSED if data[:1] == b"\2" else JoinOutcome.ADMITTED
    body = seal_join_reply(
        outcome,
        data[1:],
        member=MEMBER,
        joiner=JOINER.public,
        message_id=MESSAGE_ID,
        nonce=NONCE,
    )
    content = open_join_reply(body, joiner=JOINER, message_id=MESSAGE_ID).content
    return decode_reason(content) if outcome is JoinOutcome.REFUSED else decode_hand_over(content)


JOIN_REPLIES = (b"\2no such invite", b"\1\1" + bytes(3) + b"\1" + bytes(100))


def _founded() -> tuple[Statement, Statement, Statement]:
    """A genesis, an invite and an admission, each on the one before."""
    genesis = write_genesis(
        GenesisBody("home", RANGE, bytes(statements.ENTROPY_SIZE), "nas", WIREGUARD, JOINER.public),
        author=MEMBER,
        unix_ms=UNIX * 1000,
    )
    log = MembershipLog(genesis.network_id)
    log.add(genesis.raw)
    invite = write_invite(
        log,
        fold(log).devices[0],
        MEMBER,
        key=INVITE.invite_public,
        expires=UNIX + 3600,
        uses=1,
        unix_ms=UNIX * 1000,
    )
    claim = make_claim(
        network=log.network,
        invite=INVITE,
        device=JOINER,
        wireguard_key=JOINERS_WIREGUARD,
        name="laptop",
        claimed_at=UNIX,
    )
    admission = sign_statement(
        AdmitBody(claim),
        network=log.network,
        author=MEMBER,
        parents=(invite.hash,),
        unix_ms=UNIX * 1000,
    )
    return genesis, invite, admission


FOUNDED = _founded()
NETWORK = FOUNDED[0].network_id
_ACTS: tuple[AdministrationBody, ...] = (
    GrantAdminBody(JOINER.public),
    RemoveAdminBody(MEMBER.public),
    RevokeBody(JOINER.public),
    LeaveBody(),
    RenameBody(MEMBER.public, "tv"),
    TagBody(MEMBER.public, ("a", "b")),
    ExpireBody(MEMBER.public, UNIX),
    RevokeInviteBody(INVITE.invite_public),
    RekeyBody(2, bytes(32)),
    SucceedBody(JOINER.public, JOINERS_WIREGUARD, bytes(64)),
    RetireBody(JOINER.public),
)
STATEMENTS = tuple(statement.raw for statement in FOUNDED) + tuple(
    sign_statement(
        act, network=NETWORK, author=MEMBER, parents=(FOUNDED[1].hash,), unix_ms=UNIX * 1000
    ).raw
    for act in _ACTS
)
_SUCCEED, _SUCCESSOR = b"\x11", 32 + 32 + administration.SIGNATURE_SIZE
_AUTHOR = slice(2 + NetworkId.SIZE, 2 + NetworkId.SIZE + 32)


def statement(data: bytes) -> object:
    """Signed anew by the founder, taken into the log of its network, and folded."""
    raw = bytearray(data[: -administration.SIGNATURE_SIZE])
    if len(raw) >= _AUTHOR.stop:
        raw[_AUTHOR] = MEMBER.public.raw
    network = NetworkId(bytes(raw[2:34]).ljust(32, b"\0"))
    if raw[1:2] == _SUCCEED and len(raw) >= _SUCCESSOR:
        raw[-_SUCCESSOR : -_SUCCESSOR + 32] = JOINER.public.raw
        said = bytes(raw[: -administration.SIGNATURE_SIZE])
        raw[len(said) :] = JOINER.sign(statements._BY_SUCCESSOR, network, said)
    signed = bytes(raw) + MEMBER.sign(statements._CONTEXT, network, bytes(raw))
    decode_statement(signed)
    log = MembershipLog(NETWORK)
    for founded in FOUNDED[:2]:
        log.add(founded.raw)
    log.add(signed)
    return fold(log)


def claim(data: bytes) -> object:
    """Signed anew by the invite's key and the joiner's."""
    unsigned = INVITE.invite_public.raw + JOINER.public.raw + data[64 : -2 * claims.SIGNATURE_SIZE]
    signatures = INVITE.sign(claims._BY_INVITE, NETWORK, unsigned)
    signatures += JOINER.sign(claims._BY_DEVICE, NETWORK, unsigned)
    read = decode_claim(unsigned + signatures)
    read.verify(NETWORK)
    return read


CLAIMS = (
    make_claim(
        network=NETWORK,
        invite=INVITE,
        device=JOINER,
        wireguard_key=JOINERS_WIREGUARD,
        name="laptop",
        claimed_at=UNIX,
    ).encode(),
)


def invite_link(payload: bytes) -> object:
    """With a checksum that holds."""
    return link.parse_link(link._KIND.armour("home", payload))


INVITE_LINKS = tuple(
    link.Link("home", NETWORK, INVITE, PacketKey(bytes(32)), 1, UNIX, RANGE, name, hints)._payload()
    for name, hints in (
        ("", ()),
        ("laptop", (Endpoint("192.0.2.1", 9), Endpoint("2001:db8::1", 9))),
    )
)


def anchors_link(payload: bytes) -> object:
    """With a checksum that holds."""
    return anchor_link.parse_anchor_link(anchor_link._KIND.armour(anchor_link._PLACE, payload))


ANCHOR_LINKS = (b"\1" + bytes(150),)
