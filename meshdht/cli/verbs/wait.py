"""``wait``: until the network is up, or a peer is reached."""

from __future__ import annotations

import time

import click

from meshdht.api.client import Client
from meshdht.api.errors import ApiError, NoPermission
from meshdht.api.messages import PeerPath, Ping
from meshdht.api.text import path_text
from meshdht.cli import completing
from meshdht.cli.answers import Waited
from meshdht.cli.output import printable, say, say_json
from meshdht.cli.progress import Progress
from meshdht.cli.settings import Settings, common_options, json_option, settings_of
from meshdht.cli.values import peer_name, seconds

_POLL_S = 0.2
_PING_MIN_S, _PING_MAX_S = 0.1, 5.0
_DIRECT = ("direct", "lan")


@click.command()
@click.argument("peer", type=peer_name, required=False, shell_complete=completing.peers)
@click.option(
    "--timeout",
    "timeout_s",
    type=seconds(0, 86400),
    metavar="SECONDS",
    default=60,
    show_default=True,
    help="Give up after so many seconds.",
)
@click.option("--direct", is_flag=True, help="Wait for a direct path to PEER, not for any.")
@json_option
@common_options()
@click.pass_context
def wait(
    context: click.Context, peer: str | None, timeout_s: float, direct: bool, as_json: bool
) -> None:
    """Wait until the network is up; with PEER until that device is reached.

    PEER is a name, an id or a mesh address. For scripts and units that need the network: a daemon
    that is still starting is waited for, and so is a device that is yet to join. Exits 1 if it
    takes longer than --timeout.

    \b
    Example: meshdht wait nas --timeout 30 && rsync -a photos/ nas:
    """
    if direct and peer is None:
        raise click.UsageError("--direct needs a PEER")
    waiting = Waiting(settings_of(context), timeout_s)
    with Progress(f"waiting for {peer or 'the network'}", expected_s=timeout_s or None):
        network = waiting.until_up()
        path = waiting.until_reached(peer, direct=direct) if peer is not None else None
    if as_json:
        waited_s = round(waiting.waited_s, 2)
        say_json(Waited(network=network, peer=peer, path=path, waited_s=waited_s))
    elif path is None:
        say(f"network {network} is up")
    else:
        say(f"{peer} is reached: {printable(path_text(path))}")


class Waiting:
    """Tries again until it works or the time is over."""

    def __init__(self, settings: Settings, timeout_s: float) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._begun = time.monotonic()

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self._begun

    def until_up(self) -> str:
        """The name of the network, once its daemon answers."""
        while isinstance(outcome := self._network(), ApiError):
            self._pause(outcome)
        return outcome

    def until_reached(self, peer: str, *, direct: bool) -> PeerPath:
        """The path to a peer, once it has answered over it."""
        while isinstance(outcome := self._path(peer, direct=direct), ApiError):
            self._pause(outcome)
        return outcome

    def _network(self) -> str | ApiError:
        try:
            with Client(self._settings.chosen_socket()) as daemon:
                return daemon.status().network
        except NoPermission:
            raise
        except ApiError as error:
            if error.exit_code == 2:
                raise  # several networks: time does not tell which is meant
            return error

    def _path(self, peer: str, *, direct: bool) -> PeerPath | ApiError:
        left_s = max(_PING_MIN_S, min(_PING_MAX_S, self._timeout_s - self.waited_s))
        why = ""
        try:
            with Client(self._settings.chosen_socket()) as daemon:
                for pong in daemon.ping(Ping(peer=peer, count=1, timeout_s=left_s)):
                    if pong.rtt_ms is not None and (not direct or pong.path.kind in _DIRECT):
                        return pong.path
                    why = pong.path.why
        except NoPermission:
            raise
        except ApiError as error:
            return error
        reached = "not reached directly" if direct else "not reached"
        said = f"{peer} is {reached}" + (f": {why}" if why else "")
        return ApiError(said, f"meshdht path {peer} shows what was tried")

    def _pause(self, error: ApiError) -> None:
        """Raises ApiError when the time is over, with what it failed by."""
        if self.waited_s + _POLL_S > self._timeout_s:
            message = f"waited {self._timeout_s:g} s in vain: {error.message}"
            raise ApiError(message, error.hint)
        time.sleep(_POLL_S)
