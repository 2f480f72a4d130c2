"""What travels over the daemon's Unix socket: one JSON object a line, in both directions.

A connection opens with ``Hello``; the daemon answers ``Welcome``. Then the client sends requests,
one at a time, each answered before the next is read:

    request        answer
    status         StatusReply
    invite         InviteReply
    anchor_link    AnchorLinkReply
    anchors        AnchorsReply
    anchor_status  AnchorStatusReply, from an anchor's daemon alone
    path           PathReply
    netcheck       NetCheckReply
    doctor         DiagnosisReply
    settings, set  SettingsReply
    dht            DhtReply
    history        HistoryReply
    links          LinksReply
    recent         RecentReply
    ping           PongReply, once per ping, then Done
    subscribe      EventReply without end; the first carries a Snapshot
    down           Done, and then the daemon stops

and what ``device_messages`` and ``removal_messages`` have for those who administer the network.

Any answer may be a ``Failure`` instead. While ping or subscribe is answered the client sends
nothing: a byte from it, or its end of stream, stops them.

``API_VERSION`` changes when an old client could misread a new daemon, or the reverse; both then
refuse by name. Within a version, objects may gain fields and events may gain kinds: a reader
passes over what it does not know. The payloads (``Status``, ``Invite``, ``Pong``) are
also what ``--json`` prints, so their keys are a promise to scripts. Ages are seconds, instants
are Unix seconds, sizes are bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from meshdht.api.administration_messages import AdministrationReply, AdministrationRequest
from meshdht.api.anchor_messages import AnchorReply, AnchorRequest
from meshdht.api.device_messages import Tag
from meshdht.api.dht_messages import DhtReply, GetDht
from meshdht.api.doctor_messages import DiagnosisReply, GetDiagnosis
from meshdht.api.errors import ApiError
from meshdht.api.history_messages import GetHistory, HistoryReply
from meshdht.api.link_messages import GetLinks, LinksReply
from meshdht.api.name_messages import NamesStatus
from meshdht.api.netcheck_messages import GetNetCheck, NetCheckReply
from meshdht.api.path_messages import GetPath, PathReply
from meshdht.api.recent_messages import GetRecent, RecentReply
from meshdht.api.relay_messages import RelayStatus
from meshdht.api.router_messages import RouterPort
from meshdht.api.settings_messages import ChangeSettings, GetSettings, SettingsReply
from meshdht.api.version import API_VERSION
from meshdht.api.warning_messages import ClockWarning, OtherVersion

# A local user who may not command the daemon can still send it bytes before being refused.
REQUEST_BYTES_MAX = 64 * 1024
# A client reads this much of one line at most; 10,000 peers with long names stay under it.
REPLY_BYTES_MAX = 16 * 1024 * 1024

PathKind = Literal["direct", "lan", "relay", "none"]


# --- payloads -----------------------------------------------------------------------------------


class PeerPath(Struct, frozen=True):
    """How packets reach a peer now: ``endpoint`` is ``host:port``, ``relay`` a device's name;
    ``tls``: by TLS, since UDP is blocked; then the endpoint is one of TCP."""

    kind: PathKind = "none"
    endpoint: str | None = None
    relay: str | None = None
    mtu: int | None = None
    """Of the packets that this device sends the peer, where the path bears less than the tunnel."""
    why: str = ""
    """Why it is relayed, or why there is none, in words."""
    tls: bool = False


class ThisDevice(Struct, frozen=True):
    """The device that the daemon runs on; addresses are those inside the mesh, IPv4 first."""

    name: str
    id: str
    addresses: tuple[str, ...]


class Peer(Struct, frozen=True, kw_only=True):
    """Another device of the network, as this one sees it. ``loss`` is the share of the last probes
    of its path that went unanswered, None before there are enough to say; ``release`` what it says
    that it runs, empty while it has not said."""

    name: str
    id: str
    addresses: tuple[str, ...]
    online: bool
    path: PeerPath = PeerPath()
    handshake_age_s: float | None = None
    rtt_ms: float | None = None
    rx_bytes: int = 0
    tx_bytes: int = 0
    loss: float | None = None
    tags: tuple[str, ...] = ()
    release: str = ""


class Status(Struct, frozen=True, kw_only=True):
    """The daemon's state. ``dropped`` counts datagrams that were thrown away, by reason.
    ``copy_heard`` is when another machine with this device's keys was last heard (Unix seconds),
    ``held_out_by`` names devices that go by a revocation of this one which counts for nothing,
    ``applicants`` how many devices wait for this one's approval: 0 unless it is an admin,
    ``engine_reason`` why this engine carries the traffic, ``engine_features`` what the kernel does
    to make it faster, ``engine_lacks`` what another kernel would do as well, ``engine_trouble`` why
    it carries nothing now, or empty, ``interface`` what the tunnel's interface is called now,
    ``router_ports`` what the default gateways pass to this device, ``relay`` what it does for
    others as a relay, ``stream`` the TCP endpoint that all goes by while UDP is blocked, or
    empty, ``names`` how the names of devices resolve here, ``other_versions`` who speaks another
    version of the protocol than ``protocol``, this device's."""

    version: int = API_VERSION
    network: str
    engine: str
    device: ThisDevice
    peers: tuple[Peer, ...]
    daemon: str
    uptime_s: float
    listen_port: int
    dropped: dict[str, int] = {}
    clocks: tuple[ClockWarning, ...] = ()
    copy_heard: int | None = None
    held_out_by: tuple[str, ...] = ()
    applicants: int = 0
    engine_reason: str = ""
    engine_features: tuple[str, ...] = ()
    engine_lacks: tuple[str, ...] = ()
    engine_trouble: str = ""
    interface: str = ""
    router_ports: tuple[RouterPort, ...] = ()
    relay: RelayStatus = RelayStatus()
    stream: str = ""
    names: NamesStatus = NamesStatus()
    protocol: int = 1
    other_versions: tuple[OtherVersion, ...] = ()


class Invite(Struct, frozen=True, kw_only=True):
    """A link that lets ``uses`` devices in; whoever holds it may use it until ``expires``."""

    version: int = API_VERSION
    link: str
    expires: int
    uses: int = 1
    tags: tuple[str, ...] = ()
    ephemeral_s: int = 0
    approve: bool = False


class Pong(Struct, frozen=True, kw_only=True):
    """One ping's outcome; ``rtt_ms`` is None when no answer came in time."""

    version: int = API_VERSION
    peer: str
    sequence: int
    path: PeerPath
    rtt_ms: float | None


# --- events -------------------------------------------------------------------------------------


class Snapshot(Struct, frozen=True, tag="snapshot"):
    """Everything at once: the first event, and whenever the rest would not tell the story."""

    status: Status


class PeerChanged(Struct, frozen=True, tag="peer_changed"):
    """A new peer, or a known one (by id) in its new state."""

    peer: Peer


class PeerRemoved(Struct, frozen=True, tag="peer_removed"):
    """The network no longer has this device."""

    id: str


class StatusChanged(Struct, frozen=True, kw_only=True, tag="status_changed"):
    """The part of the status that is not about peers."""

    engine: str
    device: ThisDevice
    uptime_s: float
    listen_port: int
    dropped: dict[str, int]
    clocks: tuple[ClockWarning, ...] = ()
    copy_heard: int | None = None
    held_out_by: tuple[str, ...] = ()
    applicants: int = 0
    engine_reason: str = ""
    engine_features: tuple[str, ...] = ()
    engine_lacks: tuple[str, ...] = ()
    engine_trouble: str = ""
    interface: str = ""
    relay: RelayStatus = RelayStatus()
    stream: str = ""
    names: NamesStatus = NamesStatus()


Event = Snapshot | PeerChanged | PeerRemoved | StatusChanged


# --- requests -----------------------------------------------------------------------------------


class Hello(Struct, frozen=True, kw_only=True, tag="hello"):
    """The client's API version and, for the log, its name and release."""

    version: int
    client: Annotated[str, Meta(max_length=100)] = ""


class GetStatus(Struct, frozen=True, tag="status"):
    """Asks for a Status."""


class CreateInvite(Struct, frozen=True, kw_only=True, tag="invite"):
    """Asks for an Invite, valid ``expires_s`` seconds for ``uses`` joiners, named ``name``.

    They are tagged with ``tags``; revoked once ``ephemeral_s`` seconds offline, unless that is 0;
    let in by an admin's word alone, if ``approve``.
    """

    name: Annotated[str, Meta(max_length=63)] | None = None
    expires_s: Annotated[int, Meta(ge=1, le=366 * 86400)] = 3600
    uses: Annotated[int, Meta(ge=1, le=1000)] = 1
    tags: Annotated[tuple[Tag, ...], Meta(max_length=64)] = ()
    ephemeral_s: Annotated[int, Meta(ge=0, le=366 * 86400)] = 0
    approve: bool = False


class Ping(Struct, frozen=True, kw_only=True, tag="ping"):
    """Asks to ping a peer, by name, id or mesh address, a second apart.

    ``timeout_s`` bounds each ping; ``until_direct`` ends after the first answer over a path without
    a relay.
    """

    peer: Annotated[str, Meta(min_length=1, max_length=255)]
    count: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 5.0
    until_direct: bool = True


class Subscribe(Struct, frozen=True, tag="subscribe"):
    """Asks for the stream of events."""


class Down(Struct, frozen=True, tag="down"):
    """Asks the daemon to take the network down and end."""


Told = GetDht | GetHistory | GetLinks | GetRecent
Looking = GetStatus | GetNetCheck | GetPath | GetDiagnosis | GetSettings | Told
Doing = CreateInvite | ChangeSettings | Down
Single = Looking | Doing | AdministrationRequest | AnchorRequest
"""Requests that have one reply."""
Streamed = Ping | Subscribe
"""Requests that have several, the last of which is Done."""
Request = Hello | Single | Streamed


# --- replies ------------------------------------------------------------------------------------


class Welcome(Struct, frozen=True, kw_only=True, tag="welcome"):
    """The daemon's API version and release."""

    version: int
    daemon: str = ""


class StatusReply(Struct, frozen=True, tag="status"):
    """Answers GetStatus."""

    status: Status


class InviteReply(Struct, frozen=True, tag="invite"):
    """Answers CreateInvite."""

    invite: Invite


class PongReply(Struct, frozen=True, tag="pong"):
    """Answers Ping, once for each."""

    pong: Pong


class EventReply(Struct, frozen=True, tag="event"):
    """Answers Subscribe; ``sequence`` counts from 0 on each connection."""

    sequence: int
    event: Event


class UnknownEvent(Struct, frozen=True, tag="unknown_event"):
    """What a client makes of an event that a newer daemon has and it does not."""


class Done(Struct, frozen=True, tag="done"):
    """The request is carried out, or its answers are all sent."""


class Failure(Struct, frozen=True, kw_only=True, tag="failure"):
    """The request failed: what is wrong, what to do, and the exit code that says so to a script."""

    message: str
    hint: str = ""
    exit_code: int = 1


ToldReply = DhtReply | HistoryReply | LinksReply | RecentReply
LookingReply = StatusReply | NetCheckReply | PathReply | DiagnosisReply | ToldReply
MemberReply = LookingReply | SettingsReply | InviteReply | PongReply | EventReply
Reply = Welcome | MemberReply | AdministrationReply | AnchorReply | Done | Failure


# --- lines --------------------------------------------------------------------------------------


class _Envelope(Struct):
    """Just enough of a line to name what it is."""

    type: str
    event: msgspec.Raw = msgspec.Raw(b"null")


class _Kind(Struct):
    type: str


_ENCODER = msgspec.json.Encoder()
_REQUESTS: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_REPLIES: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
_EVENT_KINDS = frozenset({"snapshot", "peer_changed", "peer_removed", "status_changed"})


def encode_line(message: Struct) -> bytes:
    """One message as one line, its newline included."""
    return _ENCODER.encode(message) + b"\n"


def decode_request(line: bytes) -> Request:
    """Read a client's line; raises ApiError (exit code 2) that says what is wrong with it."""
    try:
        return _REQUESTS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(
            f"the request cannot be read: {error}",
            "use a client of the same release as the daemon",
            exit_code=2,
        ) from None


def decode_reply(line: bytes) -> Reply | UnknownEvent:
    """Read the daemon's line; raises ApiError when this release cannot understand it."""
    try:
        return _REPLIES.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if _is_unknown_event(line):
            return UnknownEvent()
        raise ApiError(
            f"the daemon's answer cannot be read: {error}",
            "restart the daemon with this release: meshdht down, then meshdht up",
        ) from None


def _is_unknown_event(line: bytes) -> bool:
    try:
        envelope = msgspec.json.decode(line, type=_Envelope)
        if envelope.type != "event":
            return False
        return msgspec.json.decode(envelope.event, type=_Kind).type not in _EVENT_KINDS
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
