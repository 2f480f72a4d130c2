"""``invite``: a link for the next device, and its QR code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

import click

from meshdht.api.client import Client
from meshdht.api.invite_messages import RevokeInvite
from meshdht.api.messages import CreateInvite, Invite
from meshdht.api.text import age_text
from meshdht.cli import completing
from meshdht.cli.confirm import confirm, yes_option
from meshdht.cli.group import VerbGroup
from meshdht.cli.output import note, say, say_json
from meshdht.cli.settings import F, common_options, json_option, settings_of
from meshdht.cli.values import duration, invite_id, label, tag, whole

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


@click.group(cls=VerbGroup, invoke_without_command=True, subcommand_metavar="[revoke ID]")
@click.option("--name", type=label, metavar="NAME", help="The name of the device that will join.")
@expires_option
@uses_option("devices")
@click.option(
    "--tag",
    "tags",
    type=tag,
    multiple=True,
    metavar="TAG",
    help="Tag the devices that come in; may be given up to 8 times.",
)
@click.option(
    "--ephemeral",
    "ephemeral_s",
    type=duration,
    is_flag=False,
    flag_value="1h",
    metavar="[TIME]",
    help="Revoke them once they are offline for so long; 1h if no TIME is given.",
)
@click.option("--approve", is_flag=True, help="Let them in only once an admin approves each.")
@json_option
@common_options()
@click.pass_context
def invite(
    context: click.Context,
    name: str | None,
    expires_s: int,
    uses: int,
    tags: tuple[str, ...],
    ephemeral_s: int | None,
    approve: bool,
    as_json: bool,
) -> None:
    """Print a link that lets another device in, and in a terminal its QR code.

    Whoever has the link can join until it expires: treat it as a password. With --approve a device
    that has it waits until an admin says yes to it: see meshdht approvals.

    \b
    Example: meshdht invite --name laptop --expires 15m
             meshdht invite --uses 20 --expires 7d --tag fleet --approve
             meshdht invite --name runner --ephemeral 30m
    """
    if context.invoked_subcommand is not None:
        return
    asked = CreateInvite(
        name=name,
        expires_s=expires_s,
        uses=uses,
        tags=tags,
        ephemeral_s=ephemeral_s or 0,
        approve=approve,
    )
    with Client(settings_of(context).chosen_socket()) as daemon:
        made = daemon.invite(asked)
    if as_json:
        say_json(made)
        return
    say(made.link)
    if sys.stdout.isatty() and sys.stderr.isatty():
        code = qr_code(made.link, os.get_terminal_size(sys.stderr.fileno()).columns)
        sys.stderr.write(code)
        note(f"works {age_text(expires_s)} for {_whom(made)}; there: sudo meshdht join 'LINK'")


def _whom(made: Invite) -> str:
    """Whom a link lets in, and on what terms."""
    terms = ["one device" if made.uses == 1 else f"{made.uses} devices"]
    if made.tags:
        terms.append(f"tagged {' '.join(made.tags)}")
    if made.ephemeral_s:
        terms.append(f"revoked after {age_text(made.ephemeral_s)} offline")
    if made.approve:
        terms.append("once approved (meshdht approvals)")
    return ", ".join(terms)


@invite.command("revoke")
@click.argument("invite", type=invite_id, metavar="ID", shell_complete=completing.invites)
@yes_option
@json_option
@common_options()
@click.pass_context
def revoke(context: click.Context, invite: str, yes: bool, as_json: bool) -> None:
    """Close an invite, so that its link lets nobody in. On an admin's device.

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
