"""``service install|remove``: meshdht as a service of the machine, started at boot."""

from __future__ import annotations

import os

import click

from meshdht.api.errors import ApiError, as_root
from meshdht.cli.group import VerbGroup
from meshdht.cli.output import note, say
from meshdht.cli.settings import common_options


@click.group(cls=VerbGroup)
@common_options(network=False)
def service() -> None:
    """Let systemd start meshdht at boot, as a user of its own that has few rights.

    \b
    Example: sudo meshdht service install
    """


@service.command("install")
@common_options(network=False)
def install() -> None:
    """Install the units, and have every network and anchor of this machine run as a service.

    What runs already goes on under systemd. From then on init, join, up and down work on services.
    Its user and group are called meshdht: who is in the group needs no sudo to use meshdht.

    \b
    Example: sudo meshdht service install
    """
    _need_root("install")
    from meshdht.service.service import install as install_service

    made = install_service()
    for unit in made:
        say(f"{unit} is up")
    if not made:
        say("installed; what init and join make from now on is a service")
    note("without sudo for you: sudo usermod -aG meshdht USER, and log in again")


@service.command("remove")
@common_options(network=False)
def remove() -> None:
    """Stop the services and remove the units. What a network has on disk stays.

    \b
    Example: sudo meshdht service remove
    """
    _need_root("remove")
    from meshdht.service.service import remove as remove_service

    for unit in remove_service():
        say(f"{unit} is down")
    say("removed; meshdht up brings a network up without systemd")


@service.command("restart")
@common_options(network=False)
def restart() -> None:
    """Start every service anew, as after an upgrade. The kernel's tunnels go on meanwhile.

    \b
    Example: sudo meshdht service restart
    """
    _need_root("restart")
    from meshdht.service.service import restart_all

    for unit in restart_all():
        say(f"{unit} is up")


def _need_root(verb: str) -> None:
    if os.geteuid() != 0:
        raise ApiError(
            f"service {verb} needs root: it is about the machine's services and users",
            as_root(f"meshdht service {verb}"),
        )
