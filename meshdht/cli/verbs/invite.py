"""``invite``: a link for the next device, and its QR code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

import click

from meshdht.api.client import Client
from meshdht.api.invite_messages import RevokeInvite
from meshdht.api.messages import CreateInvite
from meshdht.api.text import age_text
from meshdht.cli.confirm import confirm, yes_option
from meshdht.cli.output import note, say, say_json
from meshdht.cli.settings import F, common_options, json_option, settings_of
from meshdht.cli.values import duration, label, whole

expires_option = click.option(
    "--expires",
    "expires_s",
    type=duration,
    default="1h",
    show_default=True,
    metavar="TIME",
    help="How long the link works: 90s, 15m, 1h, 7d.",
)


def uses_option(who: str) -> Callable[[F], F]:
    """``--uses``, of a link that lets in so many."""
    return click.option(
        "--uses",
        type=whole(1, 1000),
        metavar="COUNT",
        default=1,
        show_default=True,
        help=f"How many {who} may use it.",
    )


@click.group(invoke_without_command=True, subcommand_metavar="[revoke ID]")
@click.option("--name", type=label, metavar="NAME", help="The name of the device that will join.")
@expires_option
@uses_option("devices")
@json_option
@common_options()
@click.pass_context
def invite(
    context: click.Context, name: str | None, expires_s: int, uses: int, as_json: bool
) -> None:
    """Print a link that lets another device in, and in a terminal its QR code.

    Whoever has the link can join until it expires: treat it as a password.

    \b
    Example: meshdht invite --name laptop --expires 15m
    """
    if context.invoked_subcommand is not None:
        return
    with Client(settings_of(context).chosen_socket()) as daemon:
        made = daemon.invite(CreateInvite(name=name, expires_s=expires_s, uses=uses))
    if as_json:
        say_json(made)
        return
    say(made.link)
    if sys.stdout.isatty() and sys.stderr.isatty():
        code = qr_code(made.link, os.get_terminal_size(sys.stderr.fileno()).columns)
        sys.stderr.write(code)
        devices = "one device" if uses == 1 else f"{uses} devices"
        note(f"works {age_text(expires_s)} for {devices}; there: sudo meshdht join 'LINK'")


@invite.command("revoke")
@click.argument("invite", metavar="ID")
@yes_option
@json_option
@common_options()
@click.pass_context
def revoke(context: click.Context, invite: str, yes: bool, as_json: bool) -> None:
    """Close an invite: its link lets nobody in any more; on an admin's device.

    ID is what `meshdht invites` prints, or as much of it as tells it from the others. Devices that
    came by it stay.

    \b
    Example: meshdht invite revoke 5f3a91c0
    """
    confirm(f"revoking invite {invite!r}", f"close invite {invite} for ever?", yes=yes)
    with Client(settings_of(context).chosen_socket()) as daemon:
        closed = daemon.revoke_invite(RevokeInvite(invite=invite))
    if as_json:
        say_json(closed)
        return
    called = f" ({closed.invite.name})" if closed.invite.name else ""
    fate = "lets nobody in any more" if closed.changed else "was revoked already"
    say(f"invite {closed.invite.id}{called} {fate}")


def qr_code(link: str, columns: int) -> str:
    """The link as a QR code of half blocks, or nothing where the terminal is too narrow."""
    import segno

    code = segno.make(link, error="l", micro=False)
    border = 2
    if code.symbol_size(border=border)[0] > columns:
        return ""
    text = io.StringIO()
    code.terminal(text, border=border, compact=True)
    return text.getvalue()
