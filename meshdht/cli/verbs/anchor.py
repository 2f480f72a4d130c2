"""``anchor link|run|status|down``: a box that is always on, holds records and reads none."""

from __future__ import annotations

import click

from meshdht.api.client import Client
from meshdht.api.errors import ApiError, NoDaemon
from meshdht.api.launch import Anchor
from meshdht.api.text import age_text
from meshdht.cli.output import say, say_json
from meshdht.cli.settings import Settings, common_options, settings_of
from meshdht.cli.verbs.start import launch_request, port_option, read_link_file

_DEFAULT_NAME = "anchor"
_FOLDER = "anchors"

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


@click.group(no_args_is_help=True)
@common_options()
def anchor() -> None:
    """Hold a network's records blindly, on a box that is always on.

    An anchor stores the sealed records that devices publish, so that two of them that moved while
    apart find each other, and tells devices the address it sees them at. It has the packet key
    alone: it opens no record, knows no device by name, and is no member. It needs no root.

    \b
    Example: meshdht anchor link > anchor.txt              (on a device of the network)
             meshdht anchor run --link-file anchor.txt     (on the box)
    """


@anchor.command("link")
@json_option
@common_options()
@click.pass_context
def link(context: click.Context, as_json: bool) -> None:
    """Print what an anchor of this network needs; on an admin's device.

    Whoever has the link can hold records and see who talks to whom by address: keep it private.

    \b
    Example: meshdht anchor link > anchor.txt
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        made = daemon.anchor_link()
    if as_json:
        say_json(made)
    else:
        say(made.link)


@anchor.command("run")
@click.option("--link-file", metavar="FILE", help="Read the link from FILE; - is stdin.")
@port_option
@common_options()
@click.pass_context
def run(context: click.Context, link_file: str | None, listen_port: int | None) -> None:
    """Run an anchor in the foreground until it is told to stop; it logs to stderr.

    The link is needed the first time, and when the network gives out another. --network names the
    anchor on this machine, where there are several.

    \b
    Example: meshdht anchor run --link-file anchor.txt
    """
    from meshdht.api.spawn import run_in_foreground

    settings = _anchors(context)
    text = read_link_file(link_file) if link_file is not None else None
    action = Anchor(name=settings.chosen(), link=text, listen_port=listen_port)
    run_in_foreground(launch_request(settings, action))


@anchor.command("status")
@json_option
@common_options()
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """What the anchor holds. Exits 1 when it does not run.

    \b
    Example: meshdht anchor status
    """
    with _connect(_anchors(context)) as daemon:
        held = daemon.anchor_status()
    if as_json:
        say_json(held)
        return
    say(
        f"{held.anchor} · {held.records} records held · {held.contacts} contacts"
        f" · {sum(held.dropped.values())} dropped · UDP port {held.listen_port}"
        f" · up {age_text(held.uptime_s)}"
    )


@anchor.command("down")
@common_options()
@click.pass_context
def down(context: click.Context) -> None:
    """Stop the anchor; what it holds stays on its disk.

    \b
    Example: meshdht anchor down
    """
    settings = _anchors(context)
    with _connect(settings) as daemon:
        daemon.down()
    say(f"anchor {settings.chosen()} is down")


def _anchors(context: click.Context) -> Settings:
    """Anchors lie beside the networks, so that a device can be both and neither is in the way."""
    settings = settings_of(context)
    return Settings(
        state_dir=settings.state_dir / _FOLDER,
        runtime_dir=settings.runtime_dir / _FOLDER,
        network=settings.network or _DEFAULT_NAME,
    )


def _connect(settings: Settings) -> Client:
    try:
        return Client(settings.chosen_socket())
    except NoDaemon:
        raise ApiError(
            f"no anchor {settings.chosen()!r} runs here", "meshdht anchor run --link-file FILE"
        ) from None
