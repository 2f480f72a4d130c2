"""Writes the vectors of docs/protocol.md: ``python docs/vectors/make.py``.

The inputs are fixed here; a change of any output is a change of the protocol.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from extra_names import extra_names
from inputs import (
    LAPTOP,
    LAPTOP_TUNNEL,
    NAS,
    NAS_TUNNEL,
    NETWORK,
    NONCE,
    SECRET,
    UNIX,
)
from log import administration, anchor, generations, laptops_claim, membership, succession
from ways import hints, links, nat, relay, stream

from meshdht.crypto.blinding import blind_public, sign_blinded
from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import LocatorKey
from meshdht.crypto.passphrase import Cost, stretch
from meshdht.daemon.port_mapping import nonce_at
from meshdht.dht.messages import FindNode, Nodes, encode_reply, encode_request
from meshdht.dht.proof import Proof
from meshdht.endpoint import Endpoint
from meshdht.gossip.messages import Applicant, Call, Denial, Sync, encode, seal_gossip
from meshdht.membership.generations import Generation, HandOver
from meshdht.membership.statements import (
    StatementHash,
)
from meshdht.net.gateway import Gateway
from meshdht.records.endpoint import Candidate, CandidateKind, EndpointRecord, NatBehaviour
from meshdht.records.envelope import seal_record
from meshdht.records.locator import device_locator, epoch_at
from meshdht.store.backup import Backup, seal_backup
from meshdht.wire.beacon import Beacon, seal_beacon
from meshdht.wire.call import CallContent, seal_call
from meshdht.wire.disco import Asked, ProbeAnswer, seal_probe, seal_reply
from meshdht.wire.join import JoinOutcome, seal_join_reply
from meshdht.wire.packet import ControlPacket, MessageKind, seal_packet

GATEWAY = Gateway("192.168.1.1", 2, "192.168.1.2")


def derivations() -> object:
    psk = SECRET.preshared_key(NAS_TUNNEL.public, LAPTOP_TUNNEL.public)
    return {
        "network_secret": SECRET.raw.hex(),
        "packet_key": SECRET.packet_key.raw.hex(),
        "port_mapping_nonce": nonce_at(NAS, GATEWAY, 41820, UNIX).hex(),
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
    waiting = seal_join_reply(
        JoinOutcome.WAITING,
        b"",
        member=NAS,
        joiner=LAPTOP.public,
        message_id=message_id,
        nonce=NONCE,
    )
    where = (observed, Endpoint("2001:db8::7", 41820))
    called = CallContent(UNIX * 1000, True, where, hints(), nat=NatBehaviour.EI_APD, is_needed=True)
    box = seal_call(key, NONCE, nas, laptop, called)
    claim, reason = laptops_claim(NETWORK).encode(), "not one of ours"
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
        "probe_that_tells_its_release": seal_probe(
            key, NONCE, nas, laptop, message_id, Asked(release="0.1.0")
        ).hex(),
        "probe_reply_that_agrees": seal_reply(
            key, NONCE, nas, laptop, message_id, replace(answer, agrees=True)
        ).hex(),
        "probe_reply_by_a_relay": seal_reply(
            key, NONCE, nas, laptop, message_id, replace(answer, is_relayed=True)
        ).hex(),
        "sync_plaintext": encode(sync).hex(),
        "sync_log_alone_plaintext": encode(replace(sync, sequences=(), log_alone=True)).hex(),
        "sync": seal_gossip(SECRET.gossip_key, NONCE, nas, sync).hex(),
        "call_endpoints": [str(each) for each in where],
        "call_nat": NatBehaviour.EI_APD,
        "call_date_ms": str(UNIX * 1000),
        "call_relays": [
            [str(each.relay), str(each.endpoint), each.slot, each.delay_s] for each in hints()
        ],
        "call_box": box.hex(),
        "call": seal_gossip(SECRET.gossip_key, NONCE, nas, Call(3, nas, laptop, box)).hex(),
        "join_reply_content": content.hex(),
        "join_reply": reply.hex(),
        "join_reply_waiting": waiting.hex(),
        "applicant_claim": claim.hex(),
        "applicant": seal_gossip(SECRET.gossip_key, NONCE, nas, Applicant(claim)).hex(),
        "denial_reason": reason,
        "denial": seal_gossip(SECRET.gossip_key, NONCE, nas, Denial(LAPTOP.public, reason)).hex(),
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


def backup() -> object:
    cost, salt, words = Cost(passes=1, memory_kib=64), NONCE[:16], "four random words"
    kept = Backup("home", b'log_level = "debug"\n', bytes(range(64)))
    sealed = seal_backup(kept, words, salt=salt, nonce=NONCE, cost=cost)
    return {
        "passphrase": words,
        "passes": cost.passes,
        "memory_kib": cost.memory_kib,
        "salt": salt.hex(),
        "key": stretch(words, salt, cost).raw.hex(),
        "nonce": NONCE.hex(),
        "network": kept.network,
        "config": kept.config.decode(),
        "database": kept.database.hex(),
        "size": len(sealed),
        "begins_with": sealed[:160].hex(),
        "ends_with": sealed[-32:].hex(),
        "sha256": sha256(sealed).hexdigest(),
    }


def main() -> None:
    files = {
        "control-packet": control_packet(),
        "bodies": bodies(),
        "stream": stream(),
        "nat": nat(),
        "links": links(),
        "derivations": derivations(),
        "blinding": blinding(),
        "locator": locators(),
        "endpoint-record": endpoint_record(),
        "dht-proof": dht_proof(),
        "membership": membership(),
        "anchor": anchor(),
        "beacon": beacon(),
        "relay": relay(),
        "administration": administration(),
        "succession": succession(),
        "extra-names": extra_names(),
        "generations": generations(),
        "backup": backup(),
    }
    for name, content in files.items():
        path = Path(__file__).parent / f"{name}.json"
        path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
