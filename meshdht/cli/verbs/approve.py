"""``approvals``, ``approve``: who waits for an admin's word, and that word."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from meshdht.api.approval_messages import Applicant, Approvals, Decide
from meshdht.api.client import Client
from meshdht.api.text import age_text
from meshdht.cli import completing
from meshdht.cli.output import Column, coloured, filled, note, say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.values import peer_name


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
    for line in applicant_lines(pending, now=time.time(), on=coloured(sys.stdout)):
        say(line)
    if not pending.applicants:
        note("no device waits; a link that wants approval: meshdht invite --approve")


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


def applicant_lines(pending: Approvals, *, now: float, on: bool) -> list[str]:
    """Who waits, as text, in colour if ``on``; ``now`` is Unix time."""
    columns: dict[Column, Callable[[Applicant], str]] = {
        Column("NAME", styles=("bold",)): lambda each: each.name,
        Column("ID"): lambda each: each.id,
        Column("WAITS", right=True): lambda each: age_text(max(0.0, now - each.since)),
        Column("ASKED", right=True): lambda each: f"{age_text(each.asked_age_s)} ago",
        Column("INVITED BY"): lambda each: each.invited_by,
        Column("TERMS", styles=("dim",)): _terms,
    }
    return filled(columns, pending.applicants, on=on)


def _terms(applicant: Applicant) -> str:
    terms = [f"#{tag}" for tag in applicant.tags]
    if applicant.ephemeral_s:
        terms.append(f"ephemeral {age_text(applicant.ephemeral_s)}")
    return " ".join(terms)
