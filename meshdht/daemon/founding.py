"""How a device comes into a network: by founding one, or by an invite link."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from meshdht.api.launch import Create, Join, Reporter
from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import (
    NetworkSecret,
    PacketKey,
    RecoveryKey,
    SigningKey,
    WireGuardPrivateKey,
)
from meshdht.daemon.local import choose_range
from meshdht.daemon.streams import StreamClient
from meshdht.daemon.switchboard import Switchboard
from meshdht.endpoint import Endpoint
from meshdht.errors import JoinFailed, LinkError, MeshdhtError, RemoteError, StateError
from meshdht.membership.generations import FIRST_GENERATION, Generation
from meshdht.membership.invites import write_genesis
from meshdht.membership.link import Link
from meshdht.membership.log import MembershipLog
from meshdht.membership.names import suggest_label, validate_label
from meshdht.membership.statements import ENTROPY_SIZE, GenesisBody
from meshdht.net.netlink import Netlink
from meshdht.net.port import Port
from meshdht.net.udp import Receiver
from meshdht.node.control import ControlPort
from meshdht.node.cut_off import PATIENCE_S, likely_servers
from meshdht.node.dating import guesses_until
from meshdht.node.identity import Identity
from meshdht.node.joining import Joined, Joiner
from meshdht.node.meeting import JoinMeetings
from meshdht.node.network_time import NetworkTime
from meshdht.paths.candidate import PathKind
from meshdht.paths.legs import OpenPort
from meshdht.wire.packet import MessageKind

JOIN_TIMEOUT_S = 30.0


async def found(
    request: Create, netlink: Netlink, clock: Clock, entropy: Entropy
) -> tuple[Identity, MembershipLog, RecoveryKey]:
    """A new network with this device its first admin, and the key that makes another one when it
    is lost: for its user alone, and nowhere to be written. Raises UsageError."""
    recovery = RecoveryKey.generate(entropy)
    signing = SigningKey.generate(entropy)
    wireguard = WireGuardPrivateKey.generate(entropy)
    seed = entropy.token(ENTROPY_SIZE)
    body = GenesisBody(
        network_name=validate_label(request.network, "network name"),
        ipv4_range=await choose_range(netlink, request.ipv4_range, seed),
        entropy=seed,
        device_name=validate_label(request.name),
        wireguard_key=wireguard.public,
        recovery=recovery.public,
    )
    genesis = write_genesis(body, author=signing, unix_ms=int(clock.unix() * 1000))
    log = MembershipLog(genesis.network_id)
    log.add(genesis.raw)
    generation = Generation(FIRST_GENERATION, NetworkSecret.generate(entropy))
    return Identity(signing, wireguard, genesis.network_id, generation), log, recovery


class PendingKeys:
    """The keys of a device that asks to be let in, kept until it is.

    A joiner that was admitted but heard nothing of it (its machine went down, the answer was
    lost) asks again with the same keys, and a single-use link still lets it in.
    """

    def __init__(self, state_dir: Path, link: Link) -> None:
        self._path = state_dir / f".joining-{link.invite.public.raw.hex()[:16]}"

    def take(self, entropy: Entropy) -> tuple[SigningKey, WireGuardPrivateKey]:
        """The keys of an earlier attempt with this link, or fresh ones, on disk; StateError."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            seeds = self._path.read_bytes() if self._path.exists() else b""
            if len(seeds) != 64:
                seeds = entropy.token(64)
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with open(descriptor, "wb") as file:
                    file.write(seeds)
                    file.flush()
                    os.fsync(descriptor)
        except OSError as error:
            raise StateError(
                f"cannot write {self._path}: {error.strerror}",
                "run as root, free some space, or choose another --state-dir",
            ) from None
        return SigningKey(seeds[:32]), WireGuardPrivateKey(seeds[32:])

    def forget(self) -> None:
        """Admitted and written down, or refused for good."""
        self._path.unlink(missing_ok=True)


async def join(
    request: Join,
    link: Link,
    pending: PendingKeys,
    port: Port,
    streams: StreamClient,
    switchboard: Switchboard,
    clock: Clock,
    entropy: Entropy,
    reporter: Reporter,
) -> Joined:
    """Ask the devices that the link names to be let in, and tell the user whom it depends on;
    raises LinkError or JoinFailed."""
    link.refuse_expired(clock.unix())
    name = validate_label(request.name or link.suggested_name or host_label())
    if not link.places:
        raise LinkError("this invite link names no address to ask at", "ask for a new one")
    signing, wireguard = pending.take(entropy)
    time = NetworkTime(clock, guess=guesses_until(link.expires))
    device = signing.public.device_id
    control = ControlPort(device, link.packet_key, port.send, time, entropy)
    waiting = f"waiting for approval; on an admin's device: meshdht approve {name}  (id {device})"

    def on_waiting() -> None:
        reporter.progress(waiting, request.patience_s)

    joiner = Joiner(link, signing, wireguard, name, control, on_waiting)
    meetings = JoinMeetings(link, device, control, joiner)
    switchboard.control = _receiver(joiner, meetings, control)
    streams.serve(JoinerUser(link, joiner, meetings, control))
    try:
        return await _ask(joiner, meetings, link, request.patience_s)
    except LinkError:
        pending.forget()
        raise
    except JoinFailed as failure:
        if streams.trouble:
            raise JoinFailed(failure.message, f"{failure.hint}; {streams.trouble}") from None
        raise


async def _ask(joiner: Joiner, meetings: JoinMeetings, link: Link, patience_s: float) -> Joined:
    """Ask whom the link names, and whoever is met; raises LinkError or JoinFailed."""
    outcome: Joined | MeshdhtError
    async with asyncio.TaskGroup() as tasks:
        meeting = tasks.create_task(meetings.run())
        try:
            outcome = await joiner.run(link.hints, JOIN_TIMEOUT_S, patience_s)
        except (LinkError, JoinFailed) as failure:
            outcome = failure  # by itself, not as one of a group
        meeting.cancel()
    if isinstance(outcome, MeshdhtError):
        meetings.close(None)
        raise outcome
    meetings.close(outcome.endpoint)
    return outcome


class JoinerUser:
    """A joiner that may be cut off: a ``StreamUser``."""

    def __init__(
        self, link: Link, joiner: Joiner, meetings: JoinMeetings, control: ControlPort
    ) -> None:
        self._link = link
        self._joiner = joiner
        self._meetings = meetings
        self._control = control
        self._begun = control.clock.monotonic()
        self._blind: set[Endpoint] = set()
        """Legs that lead to anchors."""

    def finds_cut_off(self) -> bool:
        if self._control.clock.monotonic() - self._begun < PATIENCE_S:
            return False
        return not any(map(self._control.has_heard, self._link.places))

    def has_way(self) -> bool:
        """Whoever comes after may find out."""
        return False

    def packet_key(self) -> PacketKey:
        return self._link.packet_key

    def servers(self) -> Sequence[Endpoint]:
        return likely_servers((), self._link.places)

    def leg_opened(
        self,
        leg: Endpoint,
        kind: PathKind,
        open_port: OpenPort | None = None,
        stream: Endpoint | None = None,
    ) -> None:
        """A joiner sends to whatever answers; an anchor it asks for a place to meet alone."""
        if open_port is not None and stream is not None:
            if self._meetings.reached_by(stream.host, leg, open_port):
                self._blind.add(leg)

    def leg_closed(self, leg: Endpoint) -> None:
        self._blind.discard(leg)
        self._meetings.left(leg)
        self._joiner.ask_no_more(leg)

    def ask_to_enter(self, endpoint: Endpoint) -> None:
        if endpoint not in self._blind:
            self._joiner.also_ask(endpoint)


def host_label() -> str:
    """The machine's own name as a label."""
    return suggest_label(socket.gethostname().partition(".")[0]) or "device"


def _receiver(joiner: Joiner, meetings: JoinMeetings, control: ControlPort) -> Receiver:
    def receive(datagram: bytes, source: Endpoint) -> None:
        incoming = control.open(datagram, source)
        if incoming is not None:
            is_of_relay = incoming.packet.kind is MessageKind.RELAY_REPLY
            try:
                (meetings.received if is_of_relay else joiner.received)(incoming)
            except RemoteError:
                return

    return receive
