"""A status as Prometheus reads it: the text exposition format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from meshdht.api.messages import Peer, Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def metrics_text(status: Status) -> str:
    """One line a value, with its help and kind before it. Sizes are bytes, times seconds."""
    return "".join(
        line
        for name, kind, help_, samples in _families(status)
        for line in _family(f"meshdht_{name}", kind, help_, samples)
    )


def _families(status: Status) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    none: Mapping[str, str] = {}
    about = {
        "network": status.network,
        "device": status.device.name,
        "version": status.daemon,
        "engine": status.engine,
    }
    yield "info", "gauge", "What runs here, in its labels.", [(about, 1)]
    yield "uptime_seconds", "gauge", "Age of the daemon.", [(none, status.uptime_s)]
    yield "peers", "gauge", "Other devices of the network.", [(none, len(status.peers))]
    online = sum(peer.online for peer in status.peers)
    yield "peers_online", "gauge", "Those that are reached.", [(none, online)]
    yield from _peer_families(status.peers)
    dropped = [({"reason": reason}, count) for reason, count in sorted(status.dropped.items())]
    yield "dropped_total", "counter", "Datagrams thrown away, by reason.", dropped
    relay = status.relay
    yield "relay_offered", "gauge", "Whether it relays for others.", [(none, relay.offered)]
    yield "relay_pairs", "gauge", "Pairs that it relays for now.", [(none, relay.pairs)]
    yield "relay_bytes_total", "counter", "Relayed by the daemon.", [(none, relay.bytes)]
    wrong = len(status.clocks)
    yield "clocks_wrong", "gauge", "Devices whose clocks are wrong.", [(none, wrong)]
    trouble = bool(status.engine_trouble)
    yield "engine_trouble", "gauge", "1 while no traffic is carried.", [(none, trouble)]


def _peer_families(peers: Iterable[Peer]) -> Iterator[tuple[str, str, str, Iterable[Sample]]]:
    by_name = [({"peer": peer.name}, peer) for peer in sorted(peers, key=lambda peer: peer.name)]
    reached = [(label, peer.online) for label, peer in by_name]
    yield "peer_online", "gauge", "1 for a device that is reached.", reached
    releases = [({**label, "version": peer.release}, 1) for label, peer in by_name if peer.release]
    yield "peer_info", "gauge", "The release that it says it runs, in a label.", releases
    kinds = [({**label, "kind": peer.path.kind}, 1) for label, peer in by_name]
    yield "peer_path", "gauge", "How it is reached: direct, lan, relay or none.", kinds
    rtts = [(label, peer.rtt_ms / 1000) for label, peer in by_name if peer.rtt_ms is not None]
    yield "peer_rtt_seconds", "gauge", "Round trip to it.", rtts
    ages = [
        (label, peer.handshake_age_s) for label, peer in by_name if peer.handshake_age_s is not None
    ]
    yield "peer_handshake_age_seconds", "gauge", "Since the last WireGuard handshake.", ages
    received = [(label, peer.rx_bytes) for label, peer in by_name]
    yield "peer_received_bytes_total", "counter", "Received from it.", received
    sent = [(label, peer.tx_bytes) for label, peer in by_name]
    yield "peer_sent_bytes_total", "counter", "Sent to it.", sent


def _family(name: str, kind: str, help_: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Nothing of a family that has no values."""
    lines = [_sample(name, labels, value) for labels, value in samples]
    if lines:
        yield f"# HELP {name} {help_}\n# TYPE {name} {kind}\n"
        yield from lines


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
    number = int(value) if float(value).is_integer() else round(value, 6)
    return f"{name}{{{pairs}}} {number}\n" if pairs else f"{name} {number}\n"
