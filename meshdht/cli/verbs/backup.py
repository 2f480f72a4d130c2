"""``backup``, ``restore``: a device into an encrypted file, and back."""

from __future__ import annotations

import os

import click

from meshdht.api.errors import ApiError
from meshdht.api.launch import Backup, Kept, Restore
from meshdht.cli.output import note, say, say_json
from meshdht.cli.secrets import ask_unseen, read_file
from meshdht.cli.settings import Settings, common_options, json_option, settings_of
from meshdht.cli.verbs.anchor import anchor_settings
from meshdht.cli.verbs.start import START_TIMEOUT_S, need_root, start

PASSPHRASE_MIN = 8
_OPTION = "--passphrase-file FILE"

passphrase_option = click.option(
    "--passphrase-file", metavar="FILE", help="Read the passphrase from FILE; - is stdin."
)


@click.command()
@click.argument("file")
@passphrase_option
@json_option
@common_options()
@click.pass_context
def backup(context: click.Context, file: str, passphrase_file: str | None, as_json: bool) -> None:
    """Write this device to the new file FILE, encrypted: its keys, the log, its settings.

    Whoever has the file and the passphrase is this device: it is for when the machine is lost, not
    for a second one. The network has to be down meanwhile. Without --passphrase-file it asks for
    the passphrase, twice.

    \b
    Example: sudo meshdht down && sudo meshdht backup nas.backup && sudo meshdht up
    """
    settings = settings_of(context)
    _refuse_anchor(settings)
    network = settings.chosen()
    need_root(f"meshdht backup {file}")
    path = os.path.abspath(file)
    if os.path.lexists(path):
        raise ApiError(f"{file} exists: it is not overwritten", "choose another name", exit_code=2)
    passphrase = _passphrase(passphrase_file, twice=True)
    if len(passphrase) < PASSPHRASE_MIN:
        said = f"a passphrase of {len(passphrase)} characters is soon guessed"
        raise ApiError(said, f"take {PASSPHRASE_MIN} or more: a few words", exit_code=2)
    action = Backup(network=network, file=path, passphrase=passphrase)
    done = start(settings, action, START_TIMEOUT_S)
    if as_json:
        say_json(Kept(network=done.network, device=done.device, file=path))
    else:
        say(f"{done.device} of network {done.network} is in {file}")


@click.command()
@click.argument("file")
@passphrase_option
@json_option
@common_options()
@click.pass_context
def restore(context: click.Context, file: str, passphrase_file: str | None, as_json: bool) -> None:
    """Make this machine the device that a backup in FILE holds.

    Only where that network is not on this machine yet, and only when the old machine is gone: two
    that are one device take the network from each other. --network gives it another name here.

    \b
    Example: sudo meshdht restore nas.backup && sudo meshdht up
    """
    settings = settings_of(context)
    need_root(f"meshdht restore {file}")
    path = os.path.abspath(file)
    action = Restore(
        file=path,
        passphrase=_passphrase(passphrase_file, twice=False),
        network=settings.network,
    )
    done = start(settings, action, START_TIMEOUT_S)
    if as_json:
        say_json(Kept(network=done.network, device=done.device, file=path))
        return
    say(f"this machine is {done.device} of network {done.network}")
    note(f"next: meshdht up --network {done.network}, where the old machine is off for good")


def _refuse_anchor(settings: Settings) -> None:
    """An anchor is not backed up; raises ApiError where nothing but one can be meant."""
    named, here = settings.network, settings.networks()
    anchors = anchor_settings(settings).networks()
    if (named is None and not here and anchors) or (named in anchors and named not in here):
        raise ApiError(
            "an anchor is not backed up: it holds nothing that a new one would lack",
            "on a new box: meshdht anchor up --link-file FILE, with a link of meshdht anchor link;"
            " then meshdht revoke the old one, on an admin's device",
            exit_code=2,
        )


def _passphrase(file: str | None, *, twice: bool) -> str:
    if file is None:
        return ask_unseen("Passphrase", _OPTION, twice=twice)
    passphrase = read_file(file, "the passphrase").rstrip("\r\n")
    if not passphrase:
        raise ApiError(f"--passphrase-file {file} holds no passphrase", exit_code=2)
    return passphrase
