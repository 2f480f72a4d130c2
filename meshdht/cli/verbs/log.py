"""``log``: who did what to the network, when, and by which key."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.api.log_messages import LOG_ENTRIES_MAX, GetLog, Log, LogEntry
from meshdht.api.text import moment_text
from meshdht.cli.output import Column, coloured, filled, note, say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import whole

_KEY_SHOWN = 16


@click.command()
@click.option(
    "--count",
    type=whole(1, LOG_ENTRIES_MAX),
    metavar="COUNT",
    default=1000,
    show_default=True,
    help="So many of the newest.",
)
@json_option
@common_options()
@click.pass_context
def log(context: click.Context, count: int, as_json: bool) -> None:
    """What was done to the network: when, by whom, and the key that signed it; the newest last.

    Names are those of the time. Every device has this history, signed, and can check it: nobody
    can change or take back a line. One without effect says why. Dates are by the clock of the
    device that did it; the order is that in which devices knew of each other's deeds.

    \b
    Example: meshdht log --count 20
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        told = daemon.log(GetLog(count=count))
    if as_json:
        say_json(told)
        return
    for line in log_lines(told, on=coloured(sys.stdout)):
        say(line)
    if told.total > len(told.entries):
        note(f"the newest {len(told.entries)} of {told.total}; --count shows more")


def log_lines(told: Log, *, on: bool) -> list[str]:
    """The history as text, in colour if ``on``."""
    columns = {
        Column("WHEN", styles=("dim",)): lambda each: moment_text(each.when),
        Column("WHO", styles=("bold",)): lambda each: each.who,
        Column("KEY", styles=("dim",)): lambda each: each.key[:_KEY_SHOWN],
        Column("WHAT", style_of=_style): _what,
    }
    return filled(columns, told.entries, on=on)


def _what(entry: LogEntry) -> str:
    return f"{entry.what} (no effect: {entry.reason})" if entry.reason else entry.what


def _style(what: str) -> tuple[str, ...]:
    return ("yellow",) if "(no effect: " in what else ()
