"""Counts, while a user watches, who has heard of what was just done to the network."""

from __future__ import annotations

import contextlib
import time

import click

from meshdht.api.client import Client
from meshdht.api.removal_messages import Spread
from meshdht.cli.output import note, say
from meshdht.cli.progress import Progress

no_wait_option = click.option(
    "--no-wait", is_flag=True, help="Do not wait until the connected devices know."
)

POLL_S = 0.1
# Whoever has not answered by then is as good as off: scripts go on.
FOLLOW_S = 30.0


def follow(daemon: Client, spread: Spread, *, wait: bool) -> Spread:
    """Show how it spreads until all connected devices know, the user has seen enough (Ctrl-C), or
    FOLLOW_S have passed; returns what was known at the end."""
    deadline = time.monotonic() + FOLLOW_S
    with contextlib.suppress(KeyboardInterrupt), Progress() as progress:
        while wait and spread.waiting and time.monotonic() < deadline:
            progress.count(spread.know, spread.devices, count_text(spread))
            time.sleep(POLL_S)
            spread = daemon.spread()
    return spread


def say_spread(spread: Spread) -> None:
    """The count on stdout; on stderr who is missing, and when they hear of it."""
    if not spread.devices:
        return
    say(count_text(spread))
    if spread.waiting:
        note(f"not heard from yet: {', '.join(spread.waiting)}")
    if spread.offline:
        note(f"will learn when they come back: {', '.join(spread.offline)}")
    if spread.elsewhere:
        note(f"told by their neighbours: {spread.elsewhere} more")


def count_text(spread: Spread) -> str:
    noun = "device knows" if spread.devices == 1 else "devices know"
    took = f" ({spread.took_s:.1f} s)" if spread.know else ""
    return f"{spread.know} of {spread.devices} {noun}{took}"
