"""``anchor link|list|run|up|status|down|forget``: a box that is always on and holds records."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from meshdht.api.anchor_messages import AnchorEntry, Anchors, CreateAnchorLink
from meshdht.api.client import Client
from meshdht.api.errors import ApiError, NoDaemon
from meshdht.api.launch import Anchor
from meshdht.api.text import age_text, moment_text, relay_text, router_text
from meshdht.cli.confirm import yes_option
from meshdht.cli.group import VerbGroup
from meshdht.cli.output import Column, coloured, filled, note, say, say_json
from meshdht.cli.secrets import read_file
from meshdht.cli.settings import Settings, common_options, json_option, settings_of
from meshdht.cli.values import label
from meshdht.cli.verbs.forget import forget_all
from meshdht.cli.verbs.invite import expires_option, uses_option
from meshdht.cli.verbs.start import (
    START_TIMEOUT_S,
    is_service,
    launch_request,
    make_service,
    port_option,
    start,
    stop,
)
from meshdht.service.unit import ANCHOR

_DEFAULT_NAME = "anchor"

link_file_option = click.option(
    "--link-file", metavar="FILE", help="Read the link from FILE; - is stdin."
)


@click.group(cls=VerbGroup)
@common_options()
def anchor() -> None:
    """Hold a network's records blindly, on a box that is always on.

    An anchor stores the sealed records that devices publish, so that two of them that moved while
    apart find each other, and tells devices the address it sees them at. It has the packet key
    alone: it opens no record, knows no device by name, and is no member. It needs no root.

    \b
    Example: meshdht anchor link > anchor.txt              (on an admin's device)
             meshdht anchor up --link-file anchor.txt      (on the box)
    """


@anchor.command("link")
@click.option("--name", type=label, metavar="NAME", help="The name of the anchor in the network.")
@expires_option
@uses_option("anchors")
@json_option
@common_options()
@click.pass_context
def link(
    context: click.Context, name: str | None, expires_s: int, uses: int, as_json: bool
) -> None:
    """Print what an anchor of this network needs. On an admin's device.

    Whoever has the link can hold records and see who talks to whom by address, also after it has
    expired: keep it private.

    \b
    Example: meshdht anchor link --name vps > anchor.txt
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        made = daemon.anchor_link(CreateAnchorLink(name=name, expires_s=expires_s, uses=uses))
    if as_json:
        say_json(made)
        return
    say(made.link)
    if sys.stdout.isatty() and sys.stderr.isatty():
        note(f"works {age_text(expires_s)}; on the box: meshdht anchor up --link-file FILE")


@anchor.command("list")
@json_option
@common_options()
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """Every anchor that the network's log names. On a device of the network.

    \b
    Example: meshdht anchor list
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        known = daemon.anchors()
    if as_json:
        say_json(known)
        return
    for line in anchor_lines(known, now=time.time(), on=coloured(sys.stdout)):
        say(line)
    if not known.anchors:
        note("no anchor yet; meshdht anchor link makes a link for one")


def anchor_lines(known: Anchors, *, now: float, on: bool) -> list[str]:
    """The anchors as text, in colour if ``on``; ``now`` is Unix time."""
    columns: dict[Column, Callable[[AnchorEntry], str]] = {
        Column("NAME", styles=("bold",)): lambda each: each.name,
        Column("ENDPOINT", styles=("cyan",)): lambda each: each.endpoint or "–",
        Column("ANSWERED"): lambda each: (
            "never" if each.seen is None else f"{age_text(max(0.0, now - each.seen))} ago"
        ),
        Column("ADDED"): lambda each: moment_text(each.joined),
        Column("BY"): lambda each: each.added_by,
        Column("ID", styles=("dim",)): lambda each: each.id,
    }
    return filled(columns, known.anchors, on=on)


@anchor.command("run")
@link_file_option
@port_option
@common_options()
@click.pass_context
def run(context: click.Context, link_file: str | None, listen_port: int | None) -> None:
    """Run an anchor in the foreground until it is told to stop. It logs to stderr.

    The link is needed the first time, and when the network gives out another. --network names the
    anchor on this machine, where there are several.

    \b
    Example: meshdht anchor run --link-file anchor.txt
    """
    from meshdht.api.spawn import run_in_foreground

    settings = _anchors(context)
    run_in_foreground(launch_request(settings, _action(settings, link_file, listen_port)))


@anchor.command("up")
@link_file_option
@port_option
@common_options()
@click.pass_context
def up(context: click.Context, link_file: str | None, listen_port: int | None) -> None:
    """Run an anchor in the background, or as a service. Does nothing if it runs.

    The link is needed the first time, and when the network gives out another: one that runs
    is started anew by it, and goes on by what it had if the link is of no use.

    \b
    Example: meshdht anchor up --link-file anchor.txt
    """
    settings = _anchors(context)
    name = settings.chosen()
    pid = _running(settings, name)
    if link_file is None and listen_port is None:
        if pid is not None:
            say(f"anchor {name} is already up, pid {pid}")
        else:
            _bring_up(settings, name)
        return
    action = _action(settings, link_file, listen_port)
    if pid is not None:
        stop(ANCHOR, settings)
    try:
        _start(settings, action)
    except ApiError:
        if pid is not None:
            _bring_up(settings, name)
        raise


def _running(settings: Settings, name: str) -> int | None:
    """The process that is the anchor, if one is."""
    try:
        with Client(settings.socket(name)) as daemon:
            daemon.anchor_status()
            return daemon.pid
    except NoDaemon:
        return None


def _bring_up(settings: Settings, name: str) -> None:
    """Start it as it was."""
    if settings.holds(name) and is_service(settings, ANCHOR):
        from meshdht.service.service import start as start_service

        say(f"anchor {name} is up; {start_service(ANCHOR, name)} runs it")
    else:
        _start(settings, Anchor(name=name))


def _start(settings: Settings, action: Anchor) -> None:
    ready = start(settings, action, START_TIMEOUT_S)
    say(f"anchor {action.name} is up; its id is {ready.device}")
    make_service(settings, ANCHOR, action.name)


@anchor.command("status")
@json_option
@common_options()
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """What the anchor holds. Exits 1 when it does not run.

    \b
    Example: meshdht anchor status
    """
    settings = _anchors(context)
    try:
        with Client(settings.chosen_socket()) as daemon:
            held = daemon.anchor_status()
    except NoDaemon:
        raise ApiError(
            f"no anchor {settings.chosen()!r} runs here", "meshdht anchor up starts it"
        ) from None
    if as_json:
        say_json(held)
        return
    facts = [
        f"{held.anchor} · {held.records} records held · {held.contacts} contacts",
        f"{sum(held.dropped.values())} dropped · UDP port {held.listen_port}",
        *map(router_text, held.router_ports),
        relay_text(held.relay) if held.relay.offered else "",
        f"up {age_text(held.uptime_s)}",
    ]
    say(" · ".join(fact for fact in facts if fact))
    if held.trouble:
        note(f"not in the network's log yet: {held.trouble}")
        if not held.contacts:
            told = f"meshdht set anchors=ADDRESS:{held.listen_port}"
            note(f"where all devices are behind NATs, tell one of them where this is: {told}")


@anchor.command("down")
@common_options()
@click.pass_context
def down(context: click.Context) -> None:
    """Stop the anchor; what it holds stays on its disk.

    \b
    Example: meshdht anchor down
    """
    stop(ANCHOR, _anchors(context))


@anchor.command("forget")
@yes_option
@common_options()
@click.pass_context
def forget(context: click.Context, yes: bool) -> None:
    """Remove the anchor from this machine, for ever.

    Its key and all that it holds go with it. It stays in the network's log until an admin revokes
    it there (meshdht revoke).

    \b
    Example: meshdht anchor forget
    """
    forget_all(ANCHOR, _anchors(context), yes=yes)


def _action(settings: Settings, link_file: str | None, listen_port: int | None) -> Anchor:
    text = read_file(link_file, "the link") if link_file is not None else None
    return Anchor(name=settings.chosen(), link=text, listen_port=listen_port)


def _anchors(context: click.Context) -> Settings:
    return anchor_settings(settings_of(context))


def anchor_settings(settings: Settings) -> Settings:
    """Anchors lie beside the networks, so that a device can be both and neither is in the way."""
    return Settings(
        state_dir=settings.state_dir / ANCHOR.folder,
        runtime_dir=settings.runtime_dir / ANCHOR.folder,
        network=settings.network or _DEFAULT_NAME,
    )
