"""``watch``: what changes, as it does."""

from __future__ import annotations

import time

import click

from meshdht.api.client import Client
from meshdht.cli.answers import Watched
from meshdht.cli.output import say_json
from meshdht.cli.settings import common_options, settings_of
from meshdht.cli.values import whole


@click.command()
@click.option(
    "-c",
    "--count",
    type=whole(1, 1_000_000_000),
    metavar="COUNT",
    help="End after so many; without it, never.",
)
@click.option("--json", is_flag=True, expose_value=False, hidden=True)
@common_options()
@click.pass_context
def watch(context: click.Context, count: int | None) -> None:
    """What changes, as it does: a JSON object a line, the first a snapshot of everything.

    Each has `at`, in Unix seconds, and an `event` with its `type`: snapshot (with the `status`),
    peer_changed (with the `peer`), peer_removed (with its `id`) or status_changed. Ends with exit
    code 1 when the daemon does.

    \b
    Example: meshdht watch | jq '.event.peer.name // empty'
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        for number, event in enumerate(daemon.events(), 1):
            at = round(time.time(), 3)
            say_json(Watched(at=at, event=event))
            if number == count:
                return
