"""A blocking client, for the command line: a plain socket, so that nothing slow is imported."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from meshdht import __version__
from meshdht.api.access import peer_credentials
from meshdht.api.anchor_messages import (
    AnchorLink,
    AnchorLinkReply,
    Anchors,
    AnchorsReply,
    AnchorStatus,
    AnchorStatusReply,
    CreateAnchorLink,
    GetAnchors,
    GetAnchorStatus,
)
from meshdht.api.approval_messages import (
    Approvals,
    ApprovalsReply,
    Decide,
    Decided,
    DecidedReply,
    GetApprovals,
)
from meshdht.api.device_messages import (
    ChangedDevice,
    ChangedDeviceReply,
    DeviceChange,
    Devices,
    DevicesReply,
    GetDevices,
    Recover,
    ReplacedKeys,
    ReplacedKeysReply,
    ReplaceKeys,
)
from meshdht.api.doctor_messages import Diagnosis, DiagnosisReply, GetDiagnosis
from meshdht.api.errors import ApiError, Disconnected, connect_error, path_too_long
from meshdht.api.invite_messages import (
    ClosedInvite,
    ClosedInviteReply,
    GetInvites,
    Invites,
    InvitesReply,
    RevokeInvite,
)
from meshdht.api.link_messages import GetLinks, Links, LinksReply
from meshdht.api.log_messages import GetLog, Log, LogReply
from meshdht.api.messages import (
    REPLY_BYTES_MAX,
    CreateInvite,
    Done,
    Down,
    Event,
    EventReply,
    Failure,
    GetStatus,
    Hello,
    Invite,
    InviteReply,
    Ping,
    Pong,
    PongReply,
    Reply,
    Request,
    Status,
    StatusReply,
    Subscribe,
    UnknownEvent,
    Welcome,
    decode_reply,
    encode_line,
)
from meshdht.api.name_messages import (
    ChangedName,
    ChangedNameReply,
    GetNames,
    NameChange,
    Names,
    NamesReply,
)
from meshdht.api.netcheck_messages import GetNetCheck, NetCheck, NetCheckReply
from meshdht.api.path_messages import GetPath, PathReply, PathReport
from meshdht.api.removal_messages import (
    GetSpread,
    Leave,
    Left,
    LeftReply,
    Revoke,
    Revoked,
    RevokedReply,
    Rotate,
    Rotated,
    RotatedReply,
    Spread,
    SpreadReply,
)
from meshdht.api.settings_messages import ChangeSettings, GetSettings, Settings, SettingsReply
from meshdht.api.version import API_VERSION, check_version
from meshdht.api.whois_messages import Known, KnownReply, WhoIs

ANSWER_TIMEOUT_S = 15.0
DIAGNOSIS_TIMEOUT_S = 40.0
# Between two pongs lie the ping's own timeout, the pause before it, and a busy daemon.
PING_SLACK_S = 6.0

R = TypeVar("R", bound=Reply)


class Client:
    """One connection to the daemon at ``path``; every method raises ApiError when it fails.

    >>> with Client(path) as daemon:
    ...     print(daemon.status().device.name)
    """

    def __init__(self, path: Path, *, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._socket = _connect(path, timeout_s)
        self._timeout_s = timeout_s
        self._lines = self._socket.makefile("rb")
        self._greeted = False
        self.release = ""
        """The daemon's, once it has answered."""

    def status(self) -> Status:
        return self._ask(GetStatus(), StatusReply).status

    def devices(self) -> Devices:
        return self._ask(GetDevices(), DevicesReply).devices

    def change(self, request: DeviceChange) -> ChangedDevice:
        return self._ask(request, ChangedDeviceReply).changed

    def recover(self, request: Recover) -> ChangedDevice:
        return self._ask(request, ChangedDeviceReply).changed

    def replace_keys(self) -> ReplacedKeys:
        """Have the device go on by fresh keys; its daemon hangs up then, and comes back."""
        return self._ask(ReplaceKeys(), ReplacedKeysReply).replaced

    def invite(self, request: CreateInvite) -> Invite:
        return self._ask(request, InviteReply).invite

    def anchor_link(self, request: CreateAnchorLink) -> AnchorLink:
        return self._ask(request, AnchorLinkReply).anchor_link

    def anchors(self) -> Anchors:
        return self._ask(GetAnchors(), AnchorsReply).anchors

    def anchor_status(self) -> AnchorStatus:
        return self._ask(GetAnchorStatus(), AnchorStatusReply).status

    def path(self, request: GetPath) -> PathReport:
        return self._ask(request, PathReply).report

    def links(self) -> Links:
        return self._ask(GetLinks(), LinksReply).links

    def netcheck(self) -> NetCheck:
        return self._ask(GetNetCheck(), NetCheckReply).check

    def diagnosis(self) -> Diagnosis:
        """Waits longer than for other answers: the system's own commands may be slow."""
        self._socket.settimeout(max(self._timeout_s, DIAGNOSIS_TIMEOUT_S))
        return self._ask(GetDiagnosis(), DiagnosisReply).diagnosis

    def settings(self) -> Settings:
        return self._ask(GetSettings(), SettingsReply).settings

    def change_settings(self, request: ChangeSettings) -> Settings:
        return self._ask(request, SettingsReply).settings

    def revoke(self, request: Revoke) -> Revoked:
        return self._ask(request, RevokedReply).revoked

    def invites(self) -> Invites:
        return self._ask(GetInvites(), InvitesReply).invites

    def revoke_invite(self, request: RevokeInvite) -> ClosedInvite:
        return self._ask(request, ClosedInviteReply).closed

    def rotate(self) -> Rotated:
        return self._ask(Rotate(), RotatedReply).rotated

    def log(self, request: GetLog) -> Log:
        return self._ask(request, LogReply).log

    def whois(self, request: WhoIs) -> Known:
        return self._ask(request, KnownReply).known

    def spread(self) -> Spread:
        return self._ask(GetSpread(), SpreadReply).spread

    def names(self) -> Names:
        return self._ask(GetNames(), NamesReply).names

    def change_name(self, request: NameChange) -> ChangedName:
        return self._ask(request, ChangedNameReply).changed

    def approvals(self) -> Approvals:
        return self._ask(GetApprovals(), ApprovalsReply).approvals

    def decide(self, request: Decide) -> Decided:
        return self._ask(request, DecidedReply).decided

    @property
    def pid(self) -> int:
        """The daemon's process; 0 where it cannot be seen from here."""
        return peer_credentials(self._socket).pid

    def ping(self, request: Ping) -> Iterator[Pong]:
        """Yield pongs as they come, until the daemon says that it is done."""
        self._socket.settimeout(request.timeout_s + PING_SLACK_S)
        self._send(request)
        while not isinstance(reply := self._receive(), Done):
            yield _expect(reply, PongReply).pong

    def events(self) -> Iterator[Event]:
        """Yield the daemon's events, the first a Snapshot, until it ends (Disconnected). Kinds
        that this release does not know are passed over."""
        self._socket.settimeout(None)
        self._send(Subscribe())
        while isinstance(reply := self._receive(), EventReply | UnknownEvent):
            if isinstance(reply, EventReply):
                yield reply.event
        _expect(reply, EventReply)

    def leave(self) -> Left:
        """Take the device out of the network, and wait until its daemon has ended."""
        return self._last(Leave(), LeftReply).left

    def down(self, *, timeout_s: float = 20.0) -> None:
        """Stop the daemon and wait until its process has ended, whatever it had to tidy away."""
        self._last(Down(), Done, timeout_s)

    def _last(self, request: Request, kind: type[R], timeout_s: float = 20.0) -> R:
        """The answer to a request after which the daemon ends, once it has."""
        pid = self.pid
        process = _process(pid)
        try:
            reply = self._ask(request, kind)
            if process is None:
                self._socket.settimeout(timeout_s)
                ended = not self._lines.read(1)
            else:
                ended = bool(select.select([process], [], [], timeout_s)[0])
        except TimeoutError:
            ended = False
        finally:
            if process is not None:
                os.close(process)
        if not ended:
            raise ApiError(
                f"the daemon was told to stop and still runs after {timeout_s:.0f} s",
                f"see its log; end it by force: sudo kill -9 {pid}" if pid > 0 else "see its log",
            )
        return reply

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, request: Request, kind: type[R]) -> R:
        self._send(request)
        return _expect(self._receive(), kind)

    def _send(self, request: Request) -> None:
        """The greeting goes out with the first request, which saves a wait."""
        lines = encode_line(request)
        if not self._greeted:
            lines = encode_line(Hello(version=API_VERSION, client=f"cli {__version__}")) + lines
        try:
            self._socket.sendall(lines)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a refusal may still lie there to be read
        if not self._greeted:
            self._greeted = True
            welcome = _expect(self._receive(), Welcome)
            check_version(welcome.version, "daemon")
            self.release = welcome.daemon

    def _receive(self) -> Reply | UnknownEvent:
        try:
            line = self._lines.readline(REPLY_BYTES_MAX)
        except TimeoutError:
            raise ApiError(
                f"the daemon did not answer within {self._socket.gettimeout():.0f} s",
                "see its log; restart it: meshdht down, then meshdht up",
            ) from None
        except ConnectionResetError:
            line = b""
        if not line.endswith(b"\n"):
            raise Disconnected("the daemon ended before it had answered", "see its log")
        return decode_reply(line)


def _process(pid: int) -> int | None:
    """A descriptor that tells when the process ends; None where it cannot be seen from here."""
    try:
        return os.pidfd_open(pid) if pid > 0 else None
    except OSError:
        return None


def _connect(path: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout_s)
    try:
        connection.connect(os.fspath(path))
    except OSError as error:
        connection.close()
        if error.errno is None:
            raise path_too_long(path) from None
        raise connect_error(path, error) from None
    return connection


def _expect(reply: Reply | UnknownEvent, kind: type[R]) -> R:
    if isinstance(reply, Failure):
        raise ApiError(reply.message, reply.hint, reply.exit_code)
    if not isinstance(reply, kind):
        raise ApiError(f"the daemon answered with {type(reply).__name__}, not {kind.__name__}")
    return reply
