"""``forget``: what a machine holds of a network or an anchor is removed from it."""

from __future__ import annotations

import shutil

import click

from meshdht.api.errors import ApiError, as_root
from meshdht.cli.confirm import confirm, yes_option
from meshdht.cli.output import say
from meshdht.cli.settings import Settings, common_options, settings_of
from meshdht.cli.verbs.start import is_service, stop
from meshdht.service.unit import ANCHOR, NETWORK, Kind


@click.command()
@yes_option
@common_options()
@click.pass_context
def forget(context: click.Context, yes: bool) -> None:
    """Remove this device's keys and all else that this machine holds of a network, for ever.

    For who has left a network, or was put out, and for who begins anew. It tells nobody: for the
    others a device that did not leave (meshdht leave) is a member that is off.

    \b
    Example: meshdht leave && sudo meshdht forget
    """
    forget_all(NETWORK, settings_of(context), yes=yes)


def forget_all(kind: Kind, settings: Settings, *, yes: bool) -> None:
    """Stop it, have systemd start it no more, and remove its state; raises ApiError."""
    name = settings.chosen()
    what = f"{kind.what} {name}"
    if not settings.holds(name):
        raise ApiError(f"this machine holds nothing of {what}", exit_code=2)
    question = f"remove the keys and all that this machine holds of {what}, for ever?"
    confirm(f"forgetting {what}", question, yes=yes)
    stop(kind, settings)
    if is_service(settings, kind):
        from meshdht.service.service import forget as forget_service

        forget_service(kind, name)
    directory = settings.state_dir / name
    try:
        shutil.rmtree(directory)
    except OSError as error:
        verb = "anchor forget" if kind is ANCHOR else "forget"
        hint = as_root(f"meshdht {verb}")
        raise ApiError(f"cannot remove {error.filename}: {error.strerror}", hint) from None
    say(f"removed {directory}")
