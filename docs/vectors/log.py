"""The vectors of the membership log: its statements, links, hand-overs and rosters."""

from __future__ import annotations

from ipaddress import IPv4Network

from inputs import (
    ANCHOR,
    INVITE,
    LAPTOP,
    LAPTOP_TUNNEL,
    NAS,
    NAS_TUNNEL,
    NETWORK,
    NEW_LAPTOP,
    NEW_LAPTOP_TUNNEL,
    NONCE,
    RECOVERY,
    SECRET,
    UNIX,
)

from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import (
    NetworkId,
    SigningKey,
    WireGuardPublicKey,
)
from meshdht.dht.messages import Ping, Pong, encode_reply, encode_request
from meshdht.endpoint import Endpoint
from meshdht.membership.administration import (
    ExpireBody,
    GrantAdminBody,
    LeaveBody,
    RecoverBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    RetireBody,
    RevokeBody,
    RevokeInviteBody,
    TagBody,
)
from meshdht.membership.anchor_claims import make_anchor_claim
from meshdht.membership.anchor_link import AnchorLink
from meshdht.membership.claims import JoinClaim, make_claim
from meshdht.membership.fold import fold
from meshdht.membership.generations import AnchorHandOver, Generation, HandOver
from meshdht.membership.invites import (
    verify_anchor_claim,
    verify_claim,
    write_admit,
    write_genesis,
    write_invite,
)
from meshdht.membership.link import Link
from meshdht.membership.log import MembershipLog
from meshdht.membership.recovery import spell
from meshdht.membership.roster import Device
from meshdht.membership.statements import (
    AdmitBody,
    Body,
    GenesisBody,
    InviteBody,
    Role,
    Statement,
    StatementHash,
    Terms,
    sign_statement,
    sign_succession,
)
from meshdht.wire.handover import (
    Pair,
    SecretHandOver,
    seal_hand_over,
    seal_refusal,
    seal_request,
)
from meshdht.wire.join import JoinOutcome, seal_join_reply

HINTS = (Endpoint("192.168.1.20", 51820), Endpoint("198.51.100.7", 40123))


def found() -> tuple[Statement, MembershipLog]:
    """The nas founds the network."""
    body = GenesisBody(
        network_name="home",
        ipv4_range=IPv4Network("100.99.0.0/18"),
        entropy=bytes(16),
        device_name="nas",
        wireguard_key=NAS_TUNNEL.public,
        recovery=RECOVERY.public,
    )
    genesis = write_genesis(body, author=NAS, unix_ms=UNIX * 1000)
    log = MembershipLog(genesis.network_id)
    log.add(genesis.raw)
    return genesis, log


def invited(log: MembershipLog, name: str, role: Role) -> tuple[Statement, Device]:
    """The nas invites a device or an anchor."""
    nas = fold(log).devices[0]
    invite = write_invite(
        log,
        nas,
        NAS,
        key=INVITE.invite_public,
        expires=UNIX + 3600,
        suggested_name=name,
        role=role,
        unix_ms=UNIX * 1000 + 1,
    )
    log.add(invite.raw)
    return invite, nas


def laptops_claim(network: NetworkId) -> JoinClaim:
    return make_claim(
        network=network,
        invite=INVITE,
        device=LAPTOP,
        wireguard_key=WireGuardPublicKey(LAPTOP_TUNNEL.public.raw),
        name="laptop",
        claimed_at=UNIX + 60,
    )


def membership() -> object:
    genesis, log = found()
    invite, nas = invited(log, "laptop", Role.DEVICE)
    claim = laptops_claim(log.network)
    used = verify_claim(fold(log), claim, UNIX + 60)
    admit = write_admit(log, nas, NAS, claim=claim, invite=used, unix_ms=UNIX * 1000 + 60_001)
    log.add(admit.raw)
    link = Link(
        network_name="home",
        network=log.network,
        invite=INVITE,
        packet_key=SECRET.packet_key,
        generation=1,
        expires=UNIX + 3600,
        ipv4_range=IPv4Network("100.64.0.0/18"),
        suggested_name="laptop",
        hints=HINTS,
    )
    return {
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "invite_seed": INVITE.raw.hex(),
        "network_secret": SECRET.raw.hex(),
        "unix": str(UNIX),
        "network_id": log.network.raw.hex(),
        "genesis": genesis.raw.hex(),
        "invite": invite.raw.hex(),
        "claim": claim.encode().hex(),
        "admit": admit.raw.hex(),
        "hashes": [genesis.hash.hex(), invite.hash.hex(), admit.hash.hex()],
        "frontier": log.digest().hex(),
        "link": str(link),
        "hand_over": HandOver(Generation(1, SECRET), admit.hash).encode().hex(),
        "roster": [
            {
                "id": str(device.id),
                "name": device.name,
                "ipv4": str(device.ipv4),
                "ipv6": str(device.ipv6),
                "admin": device.admin,
            }
            for device in fold(log)
        ],
    }


def anchor() -> object:
    genesis, log = found()
    invite, nas = invited(log, "vps", Role.ANCHOR)
    claim = make_anchor_claim(invite=INVITE, anchor=ANCHOR, name="vps", claimed_at=UNIX + 60)
    used = verify_anchor_claim(fold(log), claim, UNIX + 60)
    admit = write_admit(log, nas, NAS, claim=claim, invite=used, unix_ms=UNIX * 1000 + 60_001)
    log.add(admit.raw)
    (entry,) = fold(log).anchors
    welcome = SECRET.anchor_welcome(INVITE.invite_public)
    link = AnchorLink(
        packet_key=SECRET.packet_key,
        generation=1,
        invite=INVITE,
        welcome=welcome,
        expires=UNIX + 3600,
        suggested_name="vps",
        hints=HINTS,
    )
    hand_over = AnchorHandOver(1, SECRET.packet_key, welcome, welcome).encode()
    message_id = bytes(range(1, 9))
    reply = seal_join_reply(
        JoinOutcome.ADMITTED,
        hand_over,
        member=NAS,
        joiner=ANCHOR.public,
        message_id=message_id,
        nonce=NONCE,
    )
    return {
        "device_seeds": [NAS.raw.hex()],
        "anchor_seed": ANCHOR.raw.hex(),
        "anchor_id": str(ANCHOR.public.device_id),
        "invite_seed": INVITE.raw.hex(),
        "unix": str(UNIX),
        "network_secret": SECRET.raw.hex(),
        "network_id": log.network.raw.hex(),
        "genesis": genesis.raw.hex(),
        "invite": invite.raw.hex(),
        "claim": claim.encode().hex(),
        "admit": admit.raw.hex(),
        "hashes": [genesis.hash.hex(), invite.hash.hex(), admit.hash.hex()],
        "link": str(link),
        "welcome": welcome.raw.hex(),
        "hand_over": hand_over.hex(),
        "message_id": message_id.hex(),
        "nonce": NONCE.hex(),
        "anchor_reply": reply.hex(),
        "ping": encode_request(Ping()).hex(),
        "seen_at": ["198.51.100.7:40123", "[2001:db8::20]:51820"],
        "pongs": [
            encode_reply(Pong(seen)).hex()
            for seen in (Endpoint("198.51.100.7", 40123), Endpoint("2001:db8::20", 51820))
        ],
        "roster_anchor": {
            "id": str(entry.id),
            "name": entry.name,
            "added_by": str(entry.added_by),
            "admitted_at": entry.admitted_at,
        },
    }


def administration() -> object:
    """The founder lets a laptop in and makes it an admin; then each revokes the other. With the
    recovery key the laptop is the senior of the two."""
    genesis, log = found()

    def write(body: Body, author: SigningKey = NAS, *parents: StatementHash) -> Statement:
        statement = sign_statement(
            body,
            network=log.network,
            author=author,
            parents=parents or log.heads(),
            unix_ms=UNIX * 1000 + len(log),
        )
        log.add(statement.raw)
        return statement

    claim = laptops_claim(log.network)
    laptop, invite = LAPTOP.public, INVITE.invite_public
    terms = Terms(approval=True, ephemeral_s=600, tags=("guest",))
    acts: dict[str, Body] = {
        "invite on terms": InviteBody(invite, UNIX + 3600, 2, "", terms=terms),
        "admit": AdmitBody(claim),
        "grant admin": GrantAdminBody(laptop),
        "rename": RenameBody(laptop, "book"),
        "tag": TagBody(laptop, ("a", "b")),
        "expire": ExpireBody(laptop, UNIX + 86_400),
        "revoke invite": RevokeInviteBody(invite),
        "remove admin": RemoveAdminBody(laptop),
        "grant admin again": GrantAdminBody(laptop),
        "rekey": RekeyBody(2, Generation(2, SECRET).commitment(log.network)),
    }
    statements = {"genesis": genesis} | {name: write(body) for name, body in acts.items()}
    both = log.heads()
    statements["revoke the senior"] = write(RevokeBody(NAS.public), LAPTOP, *both)
    statements["leave"] = write(LeaveBody(), LAPTOP)
    statements["revoke the junior"] = write(RevokeBody(laptop), NAS, *both)
    recovered = _recovered(statements)
    roster = fold(log)
    return {
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "invite_seed": INVITE.raw.hex(),
        "network_secret": SECRET.raw.hex(),
        "recovery_seed": RECOVERY.raw.hex(),
        "recovery_key": spell(RECOVERY),
        "network_id": log.network.raw.hex(),
        "statements": {name: each.raw.hex() for name, each in statements.items()},
        "devices": [str(device.id) for device in roster],
        "removed": [
            {"id": str(each.id), "name": each.name, "by": str(each.by)} for each in roster.removed
        ],
        "without_effect": [each.hash.hex() for each in roster.rejections],
        "generation": roster.rekey and roster.rekey.generation,
        "needs_rekey": roster.needs_rekey,
        "recovery": recovered,
    }


def succession() -> object:
    """A laptop goes on by other keys, and the founder retires the old one, by which somebody goes
    on as well."""
    genesis, log = found()
    statements = {"genesis": genesis}

    def write(name: str, body: Body, author: SigningKey = NAS) -> None:
        statements[name] = sign_statement(
            body,
            network=log.network,
            author=author,
            parents=log.heads(),
            unix_ms=UNIX * 1000 + len(log),
        )
        log.add(statements[name].raw)

    def succeed(name: str, successor: SigningKey, *parents: StatementHash) -> None:
        statements[name] = sign_succession(
            NEW_LAPTOP_TUNNEL.public,
            network=log.network,
            author=LAPTOP,
            successor=successor,
            parents=parents,
            unix_ms=UNIX * 1000 + len(log),
        )
        log.add(statements[name].raw)

    write("invite", InviteBody(INVITE.invite_public, UNIX + 3600, 1, ""))
    write("admit", AdmitBody(laptops_claim(log.network)))
    write("grant admin", GrantAdminBody(LAPTOP.public))
    before = log.heads()
    succeed("succeed", NEW_LAPTOP, *before)
    write("retire", RetireBody(LAPTOP.public))
    succeed("succeed by the old key", ANCHOR, *before)
    roster = fold(log)
    return {
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "successor_seeds": [NEW_LAPTOP.raw.hex(), ANCHOR.raw.hex()],
        "network_id": log.network.raw.hex(),
        "statements": {name: each.raw.hex() for name, each in statements.items()},
        "devices": [
            {
                "id": str(each.id),
                "wireguard_key": each.wireguard_key.raw.hex(),
                "name": each.name,
                "ipv4": str(each.ipv4),
                "ipv6": str(each.ipv6),
                "admin": each.admin,
            }
            for each in roster
        ],
        "without_effect": [each.hash.hex() for each in roster.rejections],
        "needs_rekey": roster.needs_rekey,
    }


def _recovered(statements: dict[str, Statement]) -> object:
    """The same, but for a laptop that is recovered before it revokes the founder."""
    genesis = statements["genesis"]
    log = MembershipLog(genesis.network_id)
    for name, statement in statements.items():
        if name not in ("revoke the senior", "leave"):
            log.add(statement.raw)
    before = (statements["rekey"].hash,)

    def write(body: Body, author: SigningKey, *parents: StatementHash) -> Statement:
        unix_ms = UNIX * 1000 + 100
        statement = sign_statement(
            body, network=log.network, author=author, parents=parents, unix_ms=unix_ms
        )
        log.add(statement.raw)
        return statement

    recover = write(RecoverBody(LAPTOP.public), RECOVERY, *before)
    revoke = write(RevokeBody(NAS.public), LAPTOP, recover.hash)
    roster = fold(log)
    return {
        "without": ["revoke the senior", "leave"],
        "statements": {"recover": recover.raw.hex(), "revoke the founder": revoke.raw.hex()},
        "devices": [str(device.id) for device in roster],
        "without_effect": [each.hash.hex() for each in roster.rejections],
    }


def generations() -> object:
    message_id = bytes(range(1, 9))
    sender, receiver = LAPTOP.public.device_id, NAS.public.device_id
    pair = Pair(device_box_key(NAS, LAPTOP.public), sender, receiver, message_id)
    generation = Generation(2, SECRET)
    commitment = generation.commitment(NETWORK)
    statements = (b"the rekey", b"its parent")
    hand_over = SecretHandOver(generation.number, SECRET, statements)
    return {
        "device_box_key": pair.key.raw.hex(),
        "sender": str(sender),
        "receiver": str(receiver),
        "message_id": message_id.hex(),
        "nonce": NONCE.hex(),
        "network_id": NETWORK.raw.hex(),
        "generation": generation.number,
        "network_secret": SECRET.raw.hex(),
        "commitment": commitment.hex(),
        "statements": [each.hex() for each in statements],
        "secret_request": seal_request(pair, NONCE, commitment).hex(),
        "secret_hand_over": seal_hand_over(pair, NONCE, hand_over).hex(),
        "secret_refusal": seal_refusal(pair, NONCE, statements).hex(),
    }
