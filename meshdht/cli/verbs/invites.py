"""``invites``: the links that were handed out, and what became of them."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.api.invite_messages import InviteEntry, Invites
from meshdht.api.text import age_text, moment_text
from meshdht.cli.output import Column, coloured, filled, note, say, say_json
from meshdht.cli.settings import common_options, json_option, settings_of

_STATE_STYLES = {"open": ("green",), "revoked": ("red",)}


@click.command()
@click.option("--open", "open_only", is_flag=True, help="Only those that still let somebody in.")
@json_option
@common_options()
@click.pass_context
def invites(context: click.Context, open_only: bool, as_json: bool) -> None:
    """The invites of the network, the oldest first: who wrote them, and who came by them.

    The links themselves are not kept: whoever lost one asks for another. `meshdht invite revoke ID`
    closes one that is open.

    \b
    Example: meshdht invites --open
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        told = daemon.invites()
    shown = tuple(each for each in told.invites if each.state == "open" or not open_only)
    if as_json:
        say_json(Invites(network=told.network, invites=shown))
        return
    for line in invite_lines(shown, on=coloured(sys.stdout)):
        say(line)
    if not shown:
        note("no invite is open; meshdht invite makes one")


def invite_lines(invites: tuple[InviteEntry, ...], *, on: bool) -> list[str]:
    """The invites as text, in colour if ``on``."""
    columns = {
        Column("ID", styles=("bold",)): lambda each: each.id,
        Column("NAME"): lambda each: each.name,
        Column("FOR"): lambda each: each.role,
        Column("STATE", style_of=lambda state: _STATE_STYLES.get(state, ("dim",))): lambda each: (
            each.state
        ),
        Column("LEFT", right=True): lambda each: f"{each.uses - each.used} of {each.uses}",
        Column("EXPIRES"): lambda each: moment_text(each.expires),
        Column("BY"): lambda each: each.by,
        Column("USED BY"): lambda each: " ".join(each.used_by),
        Column("TERMS"): terms_text,
    }
    return filled(columns, invites, on=on)


def terms_text(invite: InviteEntry) -> str:
    """On what terms it lets a device in: empty if on none."""
    terms = [f"tags {' '.join(invite.tags)}"] if invite.tags else []
    if invite.approval:
        terms.append("an admin approves")
    if invite.ephemeral_s:
        terms.append(f"goes after {age_text(invite.ephemeral_s)} offline")
    return ", ".join(terms)
