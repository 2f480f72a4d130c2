"""Writes the vectors of docs/protocol.md: ``python docs/vectors/make.py``.

The inputs are fixed here; a change of any output is a change of the protocol.
"""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from meshdht.crypto.blinding import blind_public, sign_blinded
from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import (
    InviteKey,
    LocatorKey,
    NetworkId,
    NetworkSecret,
    SigningKey,
    WireGuardPrivateKey,
    WireGuardPublicKey,
)
from meshdht.dht.messages import FindNode, Nodes, Ping, Pong, encode_reply, encode_request
from meshdht.dht.proof import Proof
from meshdht.endpoint import Endpoint
from meshdht.gossip.messages import Sync, encode, seal_gossip
from meshdht.membership.administration import (
    ExpireBody,
    GrantAdminBody,
    LeaveBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    RevokeBody,
    RevokeInviteBody,
    TagBody,
)
from meshdht.membership.anchor_claims import make_anchor_claim
from meshdht.membership.anchor_link import AnchorLink
from meshdht.membership.claims import make_claim
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
)
from meshdht.records.endpoint import Candidate, CandidateKind, EndpointRecord, NatBehaviour
from meshdht.records.envelope import seal_record
from meshdht.records.locator import device_locator, epoch_at
from meshdht.wire.beacon import Beacon, seal_beacon
from meshdht.wire.disco import Asked, ProbeAnswer, seal_probe, seal_reply
from meshdht.wire.handover import Pair, SecretHandOver, seal_hand_over, seal_request
from meshdht.wire.join import JoinOutcome, seal_join_reply
from meshdht.wire.packet import ControlPacket, MessageKind, seal_packet

SECRET = NetworkSecret(bytes(range(0x00, 0x20)))
NAS = SigningKey(bytes(range(0x20, 0x40)))
LAPTOP = SigningKey(bytes(range(0x40, 0x60)))
INVITE = InviteKey(bytes(range(0x60, 0x80)))
NAS_TUNNEL = WireGuardPrivateKey(bytes(range(0x80, 0xA0)))
LAPTOP_TUNNEL = WireGuardPrivateKey(bytes(range(0xA0, 0xC0)))
NETWORK = NetworkId(bytes(range(0xC0, 0xE0)))
NONCE = bytes(range(0xE0, 0xF8))
ANCHOR = SigningKey(bytes(range(0xE0, 0x100)))
UNIX = 1_800_000_000


def derivations() -> object:
    psk = SECRET.preshared_key(NAS_TUNNEL.public, LAPTOP_TUNNEL.public)
    return {
        "network_secret": SECRET.raw.hex(),
        "packet_key": SECRET.packet_key.raw.hex(),
        "locator_key": SECRET.locator_key.raw.hex(),
        "record_key": SECRET.record_key.raw.hex(),
        "gossip_key": SECRET.gossip_key.raw.hex(),
        "epoch_key": SECRET.epoch_key.raw.hex(),
        "wireguard_private_keys": [NAS_TUNNEL.raw.hex(), LAPTOP_TUNNEL.raw.hex()],
        "wireguard_public_keys": [NAS_TUNNEL.public.raw.hex(), LAPTOP_TUNNEL.public.raw.hex()],
        "preshared_key": psk.raw.hex(),
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "device_keys": [NAS.public.raw.hex(), LAPTOP.public.raw.hex()],
        "device_ids": [str(NAS.public.device_id), str(LAPTOP.public.device_id)],
        "device_box_key": device_box_key(NAS, LAPTOP.public).raw.hex(),
        "network_id": NETWORK.raw.hex(),
        "signature_context": "endpoint record",
        "signature_message": b"message".hex(),
        "signature": NAS.sign("endpoint record", NETWORK, b"message").hex(),
    }


def blinding() -> object:
    vectors = []
    for locator_key in (SECRET.locator_key, LocatorKey(bytes(32))):
        for epoch in (0, 83_333, 2**64 - 1):
            message = epoch.to_bytes(8, "big")
            blinded, signature = sign_blinded(locator_key, epoch, NAS, message)
            vectors.append(
                {
                    "locator_key": locator_key.raw.hex(),
                    "device_seed": NAS.raw.hex(),
                    "epoch": str(epoch),
                    "message": message.hex(),
                    "blinded_public_key": blinded.raw.hex(),
                    "signature": signature.hex(),
                }
            )
    return vectors


def locators() -> object:
    vectors = []
    for device in (NAS, LAPTOP):
        for unix in (0, UNIX, UNIX + 6 * 3600):
            epoch = epoch_at(SECRET.epoch_key, unix)
            blinded = blind_public(SECRET.locator_key, epoch, device.public)
            locator = device_locator(SECRET.locator_key, epoch, device.public)
            vectors.append(
                {
                    "epoch_key": SECRET.epoch_key.raw.hex(),
                    "locator_key": SECRET.locator_key.raw.hex(),
                    "device_key": device.public.raw.hex(),
                    "unix": str(unix),
                    "epoch": str(epoch),
                    "blinded_public_key": blinded.raw.hex(),
                    "locator": locator.hex(),
                }
            )
    return vectors


def endpoint_record() -> object:
    epoch = epoch_at(SECRET.epoch_key, UNIX)
    record = EndpointRecord(
        device=NAS.public.device_id,
        generation=1,
        sequence=UNIX * 1000,
        issued=UNIX,
        expires=UNIX + 12 * 3600,
        wireguard_key=NAS_TUNNEL.public,
        candidates=(
            Candidate(CandidateKind.HOST, Endpoint("192.168.1.20", 51820)),
            Candidate(CandidateKind.HOST, Endpoint("2001:db8::20", 51820)),
            Candidate(CandidateKind.REFLEXIVE, Endpoint("198.51.100.7", 40123)),
        ),
        frontier=bytes(range(0x10, 0x30)),
        nat=NatBehaviour.EI_APD,
        relay_offer=True,
    )
    envelope = seal_record(
        record,
        network=NETWORK,
        device=NAS,
        locator_key=SECRET.locator_key,
        record_key=SECRET.record_key,
        epoch=epoch,
        nonce=NONCE,
    )
    return {
        "network_secret": SECRET.raw.hex(),
        "network_id": NETWORK.raw.hex(),
        "device_seed": NAS.raw.hex(),
        "epoch": str(epoch),
        "nonce": NONCE.hex(),
        "locator": device_locator(SECRET.locator_key, epoch, NAS.public).hex(),
        "body": record.encode().hex(),
        "envelope": envelope.hex(),
    }


def found() -> Statement:
    return write_genesis(
        GenesisBody("home", IPv4Network("100.99.0.0/18"), bytes(16), "nas", NAS_TUNNEL.public),
        author=NAS,
        unix_ms=UNIX * 1000,
    )


def membership() -> object:
    genesis = found()
    log = MembershipLog(genesis.network_id)
    log.add(genesis.raw)
    nas = fold(log).devices[0]
    invite = write_invite(
        log,
        nas,
        NAS,
        key=INVITE.invite_public,
        expires=UNIX + 3600,
        suggested_name="laptop",
        unix_ms=UNIX * 1000 + 1,
    )
    log.add(invite.raw)
    claim = make_claim(
        network=log.network,
        invite=INVITE,
        device=LAPTOP,
        wireguard_key=WireGuardPublicKey(LAPTOP_TUNNEL.public.raw),
        name="laptop",
        claimed_at=UNIX + 60,
    )
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
        hints=(Endpoint("192.168.1.20", 51820), Endpoint("198.51.100.7", 40123)),
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
    genesis = found()
    log = MembershipLog(genesis.network_id)
    log.add(genesis.raw)
    nas = fold(log).devices[0]
    invite = write_invite(
        log,
        nas,
        NAS,
        key=INVITE.invite_public,
        expires=UNIX + 3600,
        suggested_name="vps",
        role=Role.ANCHOR,
        unix_ms=UNIX * 1000 + 1,
    )
    log.add(invite.raw)
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
        hints=(Endpoint("192.168.1.20", 51820), Endpoint("198.51.100.7", 40123)),
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


def control_packet() -> object:
    packet = ControlPacket(
        kind=MessageKind.PROBE,
        sender=NAS.public.device_id,
        sent_at_ms=UNIX * 1000,
        message_id=bytes(range(1, 9)),
        token=bytes(range(11, 19)),
        echo=bytes(range(21, 29)),
        body=b"a body",
    )
    return {
        "packet_key": SECRET.packet_key.raw.hex(),
        "nonce": NONCE.hex(),
        "kind": int(packet.kind),
        "sender": packet.sender.raw.hex(),
        "sent_at_ms": packet.sent_at_ms,
        "message_id": packet.message_id.hex(),
        "token": packet.token.hex(),
        "echo": packet.echo.hex(),
        "body": packet.body.hex(),
        "datagram": seal_packet(packet, SECRET.packet_key, NONCE).hex(),
    }


def dht_proof() -> object:
    asker, replier = Proof(LAPTOP, SECRET.packet_key), Proof(NAS, SECRET.packet_key)
    message_id = bytes(range(1, 9))
    request, reply = encode_request(FindNode(bytes(range(20)))), encode_reply(Nodes(()))
    asking = asker.asking(request)
    proved = replier.proved(reply, asking, message_id, asker.own_id, LAPTOP.public)
    asker.checked(proved, asking, message_id, replier.own_id)
    tagged = asker.tagged(request, message_id, replier.own_id)
    return {
        "packet_key": SECRET.packet_key.raw.hex(),
        "asker_seed": LAPTOP.raw.hex(),
        "replier_seed": NAS.raw.hex(),
        "message_id": message_id.hex(),
        "request": request.hex(),
        "asking_request": asking.hex(),
        "tagged_request": tagged.hex(),
        "reply": reply.hex(),
        "proved_reply": proved.hex(),
        "tagged_reply": replier.proved(reply, tagged, message_id, asker.own_id, None).hex(),
    }


def bodies() -> object:
    nas, laptop = NAS.public.device_id, LAPTOP.public.device_id
    key = device_box_key(NAS, LAPTOP.public)
    message_id = bytes(range(1, 9))
    observed = Endpoint("192.0.2.1", 41820)
    answer = ProbeAnswer(observed, UNIX, clock_is_sound=True)
    sync = Sync(True, bytes(range(32)), (bytes(range(32, 64)),), ((nas, 7), (laptop, 9)))
    content = HandOver(Generation(1, SECRET), StatementHash(bytes(range(32)))).encode()
    reply = seal_join_reply(
        JoinOutcome.ADMITTED,
        content,
        member=NAS,
        joiner=LAPTOP.public,
        message_id=message_id,
        nonce=NONCE,
    )
    return {
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "gossip_key": SECRET.gossip_key.raw.hex(),
        "message_id": message_id.hex(),
        "nonce": NONCE.hex(),
        "observed": str(observed),
        "clock": UNIX,
        "probe": seal_probe(key, NONCE, nas, laptop, message_id).hex(),
        "probe_reply": seal_reply(key, NONCE, nas, laptop, message_id, answer).hex(),
        "probe_that_asks_for_silence": seal_probe(
            key, NONCE, nas, laptop, message_id, Asked(misses=2, silence_s=110)
        ).hex(),
        "probe_reply_that_agrees": seal_reply(
            key, NONCE, nas, laptop, message_id, replace(answer, agrees=True)
        ).hex(),
        "sync_plaintext": encode(sync).hex(),
        "sync": seal_gossip(SECRET.gossip_key, NONCE, nas, sync).hex(),
        "join_reply_content": content.hex(),
        "join_reply": reply.hex(),
    }


def beacon() -> object:
    epoch = epoch_at(SECRET.epoch_key, UNIX)
    key = SECRET.beacon_key(epoch)
    said = Beacon(NAS.public.device_id, 41820, UNIX * 1000)
    return {
        "network_secret": SECRET.raw.hex(),
        "epoch": str(epoch),
        "beacon_key": key.raw.hex(),
        "nonce": NONCE.hex(),
        "device": str(said.device),
        "port": said.port,
        "sent_at_ms": str(said.sent_at_ms),
        "datagram": seal_beacon(said, key, NONCE).hex(),
    }


def administration() -> object:
    """The founder lets a laptop in and makes it an admin; then each revokes the other."""
    genesis = found()
    log = MembershipLog(genesis.network_id)
    log.add(genesis.raw)

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

    claim = make_claim(
        network=log.network,
        invite=INVITE,
        device=LAPTOP,
        wireguard_key=WireGuardPublicKey(LAPTOP_TUNNEL.public.raw),
        name="laptop",
        claimed_at=UNIX + 60,
    )
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
    roster = fold(log)
    return {
        "device_seeds": [NAS.raw.hex(), LAPTOP.raw.hex()],
        "invite_seed": INVITE.raw.hex(),
        "network_secret": SECRET.raw.hex(),
        "network_id": log.network.raw.hex(),
        "statements": {name: each.raw.hex() for name, each in statements.items()},
        "devices": [str(device.id) for device in roster],
        "removed": [
            {"id": str(each.id), "name": each.name, "by": str(each.by)} for each in roster.removed
        ],
        "without_effect": [each.hash.hex() for each in roster.rejections],
        "generation": roster.rekey and roster.rekey.generation,
        "needs_rekey": roster.needs_rekey,
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
    }


def main() -> None:
    files = {
        "control-packet": control_packet(),
        "bodies": bodies(),
        "derivations": derivations(),
        "blinding": blinding(),
        "locator": locators(),
        "endpoint-record": endpoint_record(),
        "dht-proof": dht_proof(),
        "membership": membership(),
        "anchor": anchor(),
        "beacon": beacon(),
        "administration": administration(),
        "generations": generations(),
    }
    for name, content in files.items():
        path = Path(__file__).parent / f"{name}.json"
        path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
