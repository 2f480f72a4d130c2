"""``approvals``, ``approve``: who waits for an admin's word, and that word."""

from __future__ import annotations

import sys
import time

import click

from meshdht.api.approval_messages import Applicant, Decide
from meshdht.api.client import Client
from meshdht.api.text import age_text
from meshdht.cli import completing
from meshdht.cli.output import Column, coloured, note, say, say_json, table
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import peer_name

_COLUMNS = (
    Column("NAME", styles=("bold",)),
    Column("ID"),
    Column("WAITS", right=True),
    Column("ASKED", right=True),
    Column("INVITED BY"),
    Column("TERMS", styles=("dim",)),
)


@click.command()
@json_option
@common_options()
@click.pass_context
def approvals(context: click.Context, as_json: bool) -> None:
    """The devices that wait for approval; on an admin's device.

    Compare the id with the one that the device shows: whoever has the link can ask under any name.

    \b
    Example: meshdht approvals
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        pending = daemon.approvals()
    if as_json:
        say_json(pending)
        return
    rows = [_row(each) for each in pending.applicants]
    if not rows:
        note("no device waits; a link that wants approval: meshdht invite --approve")
        return
    for line in table(_COLUMNS, rows, titles=True, on=coloured(sys.stdout)):
        say(line)


@click.command()
@click.argument("device", type=peer_name, shell_complete=completing.applicants)
@click.option("--deny", is_flag=True, help="Refuse it instead.")
@click.option("--reason", default="", metavar="TEXT", help="What a refused device is told.")
@json_option
@common_options()
@click.pass_context
def approve(context: click.Context, device: str, deny: bool, reason: str, as_json: bool) -> None:
    """Let a device in that waits for approval, or refuse it; on an admin's device.

    DEVICE is its name, its id, or the first 6 or more characters of that.

    \b
    Example: meshdht approve pi
             meshdht approve pi --deny --reason "not one of ours"
    """
    if reason and not deny:
        raise click.UsageError("--reason goes with --deny", context)
    asked = Decide(device=device, approve=not deny, reason=reason)
    with Client(settings_of(context).chosen_socket()) as daemon:
        decided = daemon.decide(asked)
    if as_json:
        say_json(decided)
    elif decided.approved:
        say(f"{decided.name} is approved, and comes in when it asks again, within seconds")
    else:
        say(f"{decided.name} is refused; its link still lets it ask, with another key")


def _row(applicant: Applicant) -> list[str]:
    terms = [f"#{tag}" for tag in applicant.tags]
    if applicant.ephemeral_s:
        terms.append(f"ephemeral {age_text(applicant.ephemeral_s)}")
    return [
        applicant.name,
        applicant.id,
        age_text(max(0.0, time.time() - applicant.since)),
        f"{age_text(applicant.asked_age_s)} ago",
        applicant.invited_by,
        " ".join(terms),
    ]
