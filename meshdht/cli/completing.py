"""What a shell offers at TAB beyond verbs and options: names that this machine's daemon knows.

A shell waits meanwhile, so that whatever is slow or goes wrong offers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from meshdht.cli.settings import settings_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from meshdht.api.client import Client
    from meshdht.api.messages import Status

TIMEOUT_S = 1.0

# What there is to offer, each with what a shell may show beside it.
Offers = Iterator[tuple[str, str]]
Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _asking(ask: Callable[[Client], Offers]) -> Completer:
    """A completer that asks the daemon of the network that is meant."""

    def complete(
        context: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from meshdht.api.client import Client
        from meshdht.api.errors import ApiError

        try:
            with Client(settings_of(context).chosen_socket(), timeout_s=TIMEOUT_S) as daemon:
                offers = list(ask(daemon))
        except (ApiError, OSError):
            offers = []
        return _fitting(offers, incomplete)

    return complete


def _fitting(offers: list[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    wanted = incomplete.lower()
    return [
        CompletionItem(name, help=text or None)
        for name, text in sorted(offers)
        if name.startswith(wanted)
    ]


def _peers(daemon: Client) -> Offers:
    for peer in _snapshot(daemon).peers:
        yield peer.name, "" if peer.online else "offline"


def _devices(daemon: Client) -> Offers:
    status = _snapshot(daemon)
    yield status.device.name, "this device"
    for peer in status.peers:
        yield peer.name, "" if peer.online else "offline"


def _snapshot(daemon: Client) -> Status:
    """What is known, without a look at the peers, which may take a while."""
    from meshdht.api.messages import Snapshot

    event = next(daemon.events())
    assert isinstance(event, Snapshot)
    return event.status


def _invites(daemon: Client) -> Offers:
    for invite in daemon.invites().invites:
        if invite.state == "open":
            yield invite.id, invite.name


def _applicants(daemon: Client) -> Offers:
    for applicant in daemon.approvals().applicants:
        yield applicant.name, applicant.id


def _keys(daemon: Client) -> Offers:
    for setting in daemon.settings().settings:
        yield setting.name, ""


def _changes(daemon: Client) -> Offers:
    for setting in daemon.settings().settings:
        if setting.live:
            yield f"{setting.name}=", ""


peers = _asking(_peers)
devices = _asking(_devices)
invites = _asking(_invites)
applicants = _asking(_applicants)
setting_keys = _asking(_keys)
setting_changes = _asking(_changes)
