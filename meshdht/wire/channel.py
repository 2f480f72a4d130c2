"""The control channel: seals what goes out, and lets in only what is fresh and a member's.

Sans-IO. A datagram is opened before anything of it is parsed; what does not open is a
stranger's and is counted, never answered. Replays fall to a bounded cache of nonces and, but for
what echoes a token of the last minutes, to a window around the receiver's clock.

Packets go out under one key. What comes under one of the *others*, those of other generations, is
let in too and bears its key: whoever acts on it says what for.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from meshdht.clock import Entropy
from meshdht.crypto.boxes import NONCE_SIZE
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed, RemoteError, UnknownVersion
from meshdht.limits import (
    CLOCK_WINDOW_S,
    MAX_REMEMBERED_NONCES,
    OTHER_KEYS_BURST,
    OTHER_KEYS_PER_S,
    OTHER_VERSIONS_MAX,
)
from meshdht.wire.packet import (
    MESSAGE_ID_SIZE,
    NO_TOKEN,
    ControlPacket,
    MessageKind,
    draw_nonce,
    open_packet,
    seal_packet,
)
from meshdht.wire.tokens import AddressTokens


class Incoming(NamedTuple):
    """A packet that was let in."""

    packet: ControlPacket
    source: Endpoint
    validated: bool
    """The source has echoed a token of ours: it receives where it says it is."""
    size: int
    """Bytes of the datagram: the cap on a reply to a source that is not validated."""
    under: PacketKey | None = None
    """The key that it came under, if that is not the one in use."""


class OtherVersion(NamedTuple):
    """Something at an address that has the packet key, and speaks so that we cannot read it."""

    source: Endpoint
    version: int
    heard_unix: float


class ControlChannel:
    """Seals and opens the control packets of one device."""

    def __init__(
        self,
        own_id: DeviceId,
        key: PacketKey,
        entropy: Entropy,
        on_misdated: Callable[[float], None] = lambda unix: None,
        kin: ControlChannel | None = None,
    ) -> None:
        """``on_misdated`` hears the date, Unix seconds, of what opens and is not let in for it;
        ``kin`` is that of another port of this device: its tokens are good here too, and what
        came in there is a replay here."""
        self._own_id = own_id
        self._on_misdated = on_misdated
        self._key = key
        self._others: Sequence[PacketKey] = ()
        self._tries = OTHER_KEYS_BURST
        self._tried_at = 0.0
        self._entropy = entropy
        self._tokens: AddressTokens = AddressTokens(
            entropy, kin._tokens if kin is not None else None
        )
        self._nonces: OrderedDict[bytes, None] = OrderedDict() if kin is None else kin._nonces
        self.dropped: Counter[str] = Counter()
        """Datagrams not let in, by reason: junk, malformed, version, replayed, clock, own."""
        self.other_versions: OrderedDict[Endpoint, OtherVersion] = OrderedDict()
        """Who speaks another version of the protocol, the latest last."""
        self.last_own = b""
        """The message id of the last packet of our own that came in."""

    def rekey(self, key: PacketKey, others: Sequence[PacketKey]) -> None:
        """Seal under another key from now on, and open what comes under these others too."""
        self._key = key
        self._others = [each for each in others if each != key]

    @property
    def keys(self) -> list[PacketKey]:
        """What is opened: that in use, and the others."""
        return [self._key, *self._others]

    def draw_message_id(self) -> bytes:
        return self._entropy.token(MESSAGE_ID_SIZE)

    def seal(
        self,
        kind: MessageKind,
        message_id: bytes,
        body: bytes,
        to: Endpoint,
        *,
        now: float,
        unix: float,
        under: PacketKey | None = None,
        sender: DeviceId | None = None,
    ) -> bytes:
        """The datagram that carries a body to an address; ``under`` another key than usual, in
        the name of another ``sender``."""
        packet = ControlPacket(
            kind=kind,
            sender=sender or self._own_id,
            sent_at_ms=int(unix * 1000),
            message_id=message_id,
            token=self._tokens.give(to, now),
            echo=self._tokens.echo(to),
            body=body,
        )
        return seal_packet(packet, under or self._key, draw_nonce(self._entropy))

    def has_heard(self, address: Endpoint) -> bool:
        """Whether anything that was let in came from this address."""
        return self._tokens.echo(address) != NO_TOKEN

    def echo_alike(self, port: Endpoint, main: Endpoint) -> None:
        """Both are ports of one device: echo to the one what came from the other."""
        self._tokens.echo_alike(port, main)

    def open(
        self, datagram: bytes, source: Endpoint, *, now: float, unix: float
    ) -> Incoming | None:
        """What was let in, or None, which ``dropped`` counts by its reason."""
        try:
            packet, under = self._unseal(datagram, now)
        except UnknownVersion as error:
            self.dropped["version"] += 1
            self._note_version(OtherVersion(source, error.version, unix))
            return None
        except RemoteError as error:
            self.dropped["junk" if isinstance(error, OpenFailed) else "malformed"] += 1
            return None
        validated = self._tokens.check(source, packet.echo, now)
        if reason := self._refusal(packet, datagram[:NONCE_SIZE], unix, validated=validated):
            self.dropped[reason] += 1
            if reason == "clock" and under is None:
                self._on_misdated(packet.sent_at_ms / 1000)
            return None
        self._tokens.learn(source, packet.token)
        return Incoming(packet, source, validated, len(datagram), under)

    def _note_version(self, other: OtherVersion) -> None:
        self.other_versions[other.source] = other
        self.other_versions.move_to_end(other.source)
        if len(self.other_versions) > OTHER_VERSIONS_MAX:
            self.other_versions.popitem(last=False)

    def _unseal(self, datagram: bytes, now: float) -> tuple[ControlPacket, PacketKey | None]:
        """The packet, and which of the other keys it came under, if it did; raises RemoteError."""
        try:
            return open_packet(datagram, self._key), None
        except OpenFailed:
            if not self._others or not self._may_try(now):
                raise
        for key in self._others:
            try:
                return open_packet(datagram, key), key
            except OpenFailed:
                continue
        raise OpenFailed("does not open under any key")

    def _may_try(self, now: float) -> bool:
        """Whether the other keys are worth a try: junk must not cost one for each of them."""
        earned = (now - self._tried_at) * OTHER_KEYS_PER_S
        self._tries = min(OTHER_KEYS_BURST, self._tries + earned)
        self._tried_at = now
        if self._tries < 1:
            return False
        self._tries -= 1
        return True

    def _refusal(self, packet: ControlPacket, nonce: bytes, unix: float, *, validated: bool) -> str:
        """Why a well-formed packet is not let in; empty if it is, and its nonce remembered."""
        if packet.sender == self._own_id:
            self.last_own = packet.message_id
            return "own"
        if nonce in self._nonces:
            return "replayed"
        date = packet.sent_at_ms / 1000
        if abs(date - unix) > CLOCK_WINDOW_S and not validated:
            # What echoes a token was written minutes ago, whatever its sender's clock says.
            return "clock"
        self._nonces[nonce] = None
        if len(self._nonces) > MAX_REMEMBERED_NONCES:
            self._nonces.popitem(last=False)
        return ""
