"""Every decoder of bytes from outside: how to feed it, and the errors that are its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dns.message import make_query

from meshdht.api import launch
from meshdht.api import messages as api
from meshdht.api.errors import ApiError
from meshdht.crypto.boxes import seal
from meshdht.crypto.keys import BeaconKey, DeviceId, GossipKey, PacketKey, SigningKey
from meshdht.dht import messages as dht
from meshdht.dht.proof import ASKS, Proof, split_request
from meshdht.endpoint import Endpoint
from meshdht.errors import MeshdhtError, RemoteError
from meshdht.gossip import messages as gossip
from meshdht.membership.anchor_claims import decode_anchor_claim
from meshdht.membership.anchor_link import parse_anchor_link
from meshdht.membership.claims import decode_claim
from meshdht.membership.generations import decode_anchor_hand_over, decode_hand_over
from meshdht.membership.link import parse_link
from meshdht.membership.statements import decode_statement
from meshdht.names.answer import answer
from meshdht.records.endpoint import decode_record
from meshdht.records.envelope import verify_envelope
from meshdht.wire import nat, port_mapping, ssdp
from meshdht.wire.beacon import open_beacon
from meshdht.wire.buffer import Reader
from meshdht.wire.join import decode_reason, open_join_reply
from meshdht.wire.packet import open_packet
from meshdht.wireguard.messages import CookieReply, Initiation, Response
from tests.fuzz import resigned
from tests.membership.household import Household

_KEY = PacketKey(bytes(range(32)))
_BEACON_KEY = BeaconKey(bytes(range(32)))
_NONCE = b"\xff" * 24
_ROSTER = Household().roster()
_JOINER = SigningKey(bytes(range(32)))


@dataclass(frozen=True, slots=True)
class Decoder:
    """``decode`` may raise ``error`` and nothing else; ``samples`` are valid or nearly so."""

    decode: Callable[[bytes], object]
    error: type[Exception] = RemoteError
    samples: tuple[bytes, ...] = ()


def _packet(plaintext: bytes) -> object:
    """What whoever holds the packet key can have opened."""
    return open_packet(_NONCE + seal(_KEY, _NONCE, plaintext), _KEY)


def _join_reply(body: bytes) -> object:
    return open_join_reply(body, joiner=_JOINER, message_id=bytes(8))


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode(errors="replace"))


_PROOF = Proof(_JOINER, _KEY)
_CONTACT = dht.WireContact(bytes(20), Endpoint("192.0.2.1", 9))

DECODERS: dict[str, Decoder] = {
    "packet plaintext": Decoder(
        _packet, samples=tuple(bytes([1, kind]) + bytes(60) for kind in range(12))
    ),
    "datagram": Decoder(lambda data: open_packet(data, _KEY)),
    "DNS query": Decoder(
        lambda data: answer(data, _ROSTER),
        samples=tuple(
            make_query(name, kind, use_edns=0).to_wire()
            for name, kind in (("nas.home.internal", "A"), ("1.0.99.100.in-addr.arpa", "PTR"))
        ),
    ),
    "DHT request": Decoder(
        dht.decode_request,
        samples=(
            dht.encode_request(dht.Ping()),
            dht.encode_request(dht.FindValue(bytes(20), 1)),
            dht.encode_request(dht.StoreValue(bytes(20), bytes(50))),
        ),
    ),
    "DHT reply": Decoder(
        dht.decode_reply,
        samples=(
            dht.encode_reply(dht.Nodes((_CONTACT, _CONTACT))),
            dht.encode_reply(dht.Value(1, bytes(40), (_CONTACT,))),
            dht.encode_reply(dht.Stored(dht.Outcome.STORED, 1)),
        ),
    ),
    "DHT request with a key": Decoder(
        lambda data: split_request(data, _JOINER.public.device_id.raw),
        samples=(_PROOF.asking(dht.encode_request(dht.Ping())), bytes([1 | ASKS])),
    ),
    "DHT reply with its proof": Decoder(
        lambda data: _PROOF.checked(data, b"\x01", bytes(8), bytes(20)),
        samples=(b"\x81" + bytes(8), bytes([0x81 | ASKS]) + bytes(64)),
    ),
    "gossip": Decoder(gossip.decode, samples=tuple(bytes([n]) + bytes(80) for n in range(10))),
    "sealed gossip": Decoder(
        lambda data: gossip.open_gossip(GossipKey(bytes(32)), DeviceId(bytes(20)), data)
    ),
    "join reply": Decoder(_join_reply),
    "beacon": Decoder(lambda data: open_beacon(data, _BEACON_KEY)),
    "beacon plaintext": Decoder(
        lambda plaintext: open_beacon(_NONCE + seal(_BEACON_KEY, _NONCE, plaintext), _BEACON_KEY),
        samples=(bytes([1]) + bytes(39), bytes([1]) + bytes(20) + b"\1" * 10 + bytes(9)),
    ),
    "NAT request": Decoder(
        lambda data: nat.decode_request(Reader(data)),
        samples=tuple(bytes([task]) + bytes(28) + b"\4" + bytes(6) for task in range(6)),
    ),
    "NAT reply": Decoder(
        lambda data: nat.decode_reply(Reader(data)), samples=(b"\1\4" + bytes(6),)
    ),
    "refusal": Decoder(decode_reason),
    "hand-over": Decoder(decode_hand_over, samples=(bytes([1]) + bytes(100),)),
    "statement": Decoder(
        decode_statement, samples=tuple(bytes([1, n]) + bytes(200) for n in range(20))
    ),
    "claim": Decoder(decode_claim, samples=(bytes(300),)),
    "anchor claim": Decoder(decode_anchor_claim, samples=(bytes(260),)),
    "anchor hand-over": Decoder(decode_anchor_hand_over, samples=(bytes([1]) + bytes(52),)),
    "invite link": Decoder(
        _text(parse_link), MeshdhtError, samples=(b"meshdht://join/1/AAAA", b"meshdht:AAAA")
    ),
    "anchor link": Decoder(
        _text(parse_anchor_link), MeshdhtError, samples=(b"meshdht://anchor/1/AAAA",)
    ),
    "router's answer": Decoder(
        port_mapping.parse_answer,
        samples=(
            port_mapping.pmp_ask_address(),
            bytes([0, 0x81]) + bytes(14),
            bytes([2, 0x81]) + bytes(58),
            bytes([2, 0x80]) + bytes(22),
        ),
    ),
    "answer to a search": Decoder(
        lambda data: ssdp.parse_answer(data, "192.0.2.1"),
        samples=(
            f"HTTP/1.1 200 OK\r\nST: {ssdp.SEARCH_TARGETS[0]}\r\n"
            "LOCATION: http://192.0.2.1:5000/d\r\n\r\n".encode(),
        ),
    ),
    "envelope": Decoder(
        lambda data: verify_envelope(data[:20].ljust(20, b"\0"), data[20:]),
        samples=(bytes(820), bytes(20) + bytes([1]) + bytes(799)),
    ),
    "record body": Decoder(decode_record, samples=(bytes([1]) + bytes(300),)),
    "WireGuard initiation": Decoder(Initiation.decode, samples=(b"\1" + bytes(147),)),
    "WireGuard response": Decoder(Response.decode, samples=(b"\2" + bytes(91),)),
    "WireGuard cookie": Decoder(CookieReply.decode, samples=(b"\3" + bytes(63),)),
    "API request": Decoder(api.decode_request, ApiError, samples=(b'{"type":"status"}\n', b"[[[")),
    "API reply": Decoder(api.decode_reply, ApiError, samples=(b'{"type":"hello"}\n',)),
    "launch request": Decoder(
        launch.decode_launch, ApiError, samples=(b'{"type":"join","link":"x"}\n',)
    ),
    "launch report": Decoder(launch.decode_report, ApiError, samples=(b'{"type":"ready"}\n',)),
    # Behind a seal, a signature, a checksum that holds.
    "probe": Decoder(resigned.probe, samples=resigned.PROBES),
    "probe reply": Decoder(resigned.probe_reply, samples=resigned.PROBE_REPLIES),
    "gossip inside its seal": Decoder(resigned.sealed_gossip, samples=resigned.GOSSIP),
    "join reply inside its box": Decoder(resigned.join_reply, samples=resigned.JOIN_REPLIES),
    "signed statement": Decoder(resigned.statement, samples=resigned.STATEMENTS),
    "signed claim": Decoder(resigned.claim, samples=resigned.CLAIMS),
    "invite link with its checksum": Decoder(
        resigned.invite_link, MeshdhtError, samples=resigned.INVITE_LINKS
    ),
    "anchor link with its checksum": Decoder(
        resigned.anchors_link, MeshdhtError, samples=resigned.ANCHOR_LINKS
    ),
}
