"""What a device dropped in silence, by reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Datagrams from outside first, then packets from this machine."""

    malformed: int = 0
    """Not one of the four messages, or of the wrong length."""
    bad_mac1: int = 0
    """Handshake messages from somebody who does not know our static key."""
    cookies_sent: int = 0
    """Handshake messages that were answered with a cookie because of the load."""
    rate_limited: int = 0
    """Handshake messages from a source, or for a peer, that sends too many."""
    unknown_peer: int = 0
    """Initiations from a static key that is no peer's."""
    bad_handshake: int = 0
    """Handshake messages that do not open: another key, another psk, altered."""
    old_handshake: int = 0
    """Initiations whose time stamp is not newer than the last."""
    unknown_index: int = 0
    """Messages for a session or a handshake that we do not have."""
    expired: int = 0
    """Transport messages under a session past REJECT_AFTER_TIME or its message limit."""
    bad_tag: int = 0
    """Transport messages that do not open."""
    replayed: int = 0
    """Transport messages whose counter was seen or fell out of the window."""
    bad_packet: int = 0
    """What was inside is not an IP packet."""
    bad_source: int = 0
    """The inner source address is not among the peer's allowed IPs."""
    no_route: int = 0
    """Outgoing packets for an address that is no peer's, or no IP packets at all."""
    no_endpoint: int = 0
    """Messages for a peer whose endpoint is not known."""
    staged_dropped: int = 0
    """Outgoing packets given up while a handshake did not complete."""
