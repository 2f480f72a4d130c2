"""What changed between two snapshots, as events; and a snapshot with an event applied.

``apply`` undoes ``changes``: applied in order to the older status they give the newer one, but for
ages that only grew (``handshake_age_s``, ``uptime_s``). Those are left to the reader's own clock,
so that an idle network sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from meshdht.api.messages import (
    Event,
    Peer,
    PeerChanged,
    PeerRemoved,
    Snapshot,
    Status,
    StatusChanged,
)


def changes(old: Status, new: Status) -> Iterator[Event]:
    """The events that lead from ``old`` to ``new``."""
    if (old.network, old.daemon, old.version) != (new.network, new.daemon, new.version):
        yield Snapshot(new)
        return
    if _header(old) != _header(new):
        yield StatusChanged(
            engine=new.engine,
            device=new.device,
            uptime_s=new.uptime_s,
            listen_port=new.listen_port,
            dropped=new.dropped,
            clocks=new.clocks,
            copy_heard=new.copy_heard,
            held_out_by=new.held_out_by,
            applicants=new.applicants,
            engine_reason=new.engine_reason,
            engine_features=new.engine_features,
            engine_lacks=new.engine_lacks,
            engine_trouble=new.engine_trouble,
            interface=new.interface,
            relay=new.relay,
            stream=new.stream,
            names=new.names,
        )
    before = {peer.id: peer for peer in old.peers}
    after = {peer.id for peer in new.peers}
    for peer in old.peers:
        if peer.id not in after:
            yield PeerRemoved(peer.id)
    for peer in new.peers:
        known = before.get(peer.id)
        if known is None or _differs(known, peer):
            yield PeerChanged(peer)


def apply(status: Status, event: Event) -> Status:
    """``status`` as it is after ``event``; a new peer comes last."""
    match event:
        case Snapshot(status=fresh):
            return fresh
        case StatusChanged():
            return replace(
                status,
                engine=event.engine,
                device=event.device,
                uptime_s=event.uptime_s,
                listen_port=event.listen_port,
                dropped=event.dropped,
                clocks=event.clocks,
                copy_heard=event.copy_heard,
                held_out_by=event.held_out_by,
                applicants=event.applicants,
                engine_reason=event.engine_reason,
                engine_features=event.engine_features,
                engine_lacks=event.engine_lacks,
                engine_trouble=event.engine_trouble,
                interface=event.interface,
                relay=event.relay,
                stream=event.stream,
                names=event.names,
            )
        case PeerRemoved(id=gone):
            return replace(status, peers=tuple(peer for peer in status.peers if peer.id != gone))
        case PeerChanged(peer=changed):
            peers = {peer.id: peer for peer in status.peers}
            peers[changed.id] = changed
            return replace(status, peers=tuple(peers.values()))


def _header(status: Status) -> tuple[object, ...]:
    here = status.device, status.listen_port, status.dropped
    engine = status.engine, status.engine_reason, status.engine_features, status.engine_lacks
    told = status.clocks, status.copy_heard, status.held_out_by, status.applicants
    ways = status.interface, status.relay, status.stream, status.names
    return *here, *engine, status.engine_trouble, *ways, *told


def _differs(old: Peer, new: Peer) -> bool:
    """True unless the peer only grew older since its last handshake."""
    aged = (
        old.handshake_age_s is not None
        and new.handshake_age_s is not None
        and new.handshake_age_s >= old.handshake_age_s
    )
    return new != (replace(old, handshake_age_s=new.handshake_age_s) if aged else old)
