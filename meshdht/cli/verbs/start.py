"""``init``, ``join``, ``up``, ``down``, ``daemon``, ``demo``: what starts and stops daemons."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from msgspec.structs import replace

from meshdht.api.client import Client
from meshdht.api.errors import ApiError, NoDaemon, as_root
from meshdht.api.launch import Action, Create, Founded, Join, LaunchRequest, Ready, Run, Tidy
from meshdht.cli.answers import Up
from meshdht.cli.output import interactive, note, say, say_json
from meshdht.cli.progress import Progress
from meshdht.cli.secrets import read_file
from meshdht.cli.settings import Settings, common_options, json_option, settings_of
from meshdht.cli.values import duration, host_label, label, mesh_range, port, seconds
from meshdht.service import RUNTIME_DIR, STATE_DIR
from meshdht.service.unit import ANCHOR, NETWORK, Kind

# As long as systemd waits for a service; a small or busy machine takes long to load Python.
START_TIMEOUT_S = 90.0
_CAP_NET_ADMIN = 12  # capabilities(7)
_LINK_SCHEME = "meshdht://"
_SELF_STATUS = Path("/proc/self/status")

name_option = click.option(
    "--name", type=label, metavar="NAME", help="What this device is called in the network."
)
port_option = click.option(
    "--listen-port",
    type=port,
    metavar="PORT",
    help="The UDP port to use; it chooses a free one, and keeps it, if not said.",
)


@click.command()
@click.argument("network", type=label)
@name_option
@port_option
@click.option(
    "--ipv4-range",
    type=mesh_range,
    metavar="RANGE",
    help="The mesh's IPv4 addresses, such as 10.77.0.0/16; chosen in 100.64.0.0/10 if not said.",
)
@json_option
@common_options(network=False)
@click.pass_context
def init(
    context: click.Context,
    network: str,
    name: str | None,
    listen_port: int | None,
    ipv4_range: str | None,
    as_json: bool,
) -> None:
    """Make the network NETWORK, with this device its first admin, and bring it up.

    Without --name the device is called as the machine is. It prints the network's recovery key,
    this once: with it any device of the network can be made an admin when the last one is lost
    (meshdht recover). Write it down, and keep it away from the devices.

    \b
    Example: sudo meshdht init home --name nas
    """
    settings = settings_of(context)
    action = Create(
        network=network,
        name=name or host_label(),
        listen_port=listen_port,
        ipv4_range=ipv4_range,
    )
    need_root(f"meshdht init {network}")
    ready = start(settings, action, START_TIMEOUT_S)
    key = ready.recovery_key or ""
    if as_json:
        network, device, addresses = ready.network, ready.device, ready.addresses
        told = Founded(network=network, device=device, addresses=addresses, recovery_key=key)
        say_json(told)
        make_service(settings, NETWORK, network)
        return
    say(f"network {ready.network} is up; this device is {_whoami(ready)}")
    say(f"recovery key: {key}")
    note("write it down: it makes an admin when the last one is lost, and is not shown again")
    make_service(settings, NETWORK, ready.network)
    note("next: meshdht invite --name laptop")


@click.command()
@click.argument("link", required=False)
@click.option("--link-file", metavar="FILE", help="Read the link from FILE; - is stdin.")
@name_option
@port_option
@click.option(
    "--timeout",
    "timeout_s",
    type=seconds(1, 86400),
    metavar="SECONDS",
    default=60,
    show_default=True,
    help="Give up when not connected after so many seconds.",
)
@click.option(
    "--approval-timeout",
    "patience_s",
    type=duration,
    metavar="TIME",
    default="1h",
    show_default=True,
    help="How long to wait for an admin's approval, where the link wants it.",
)
@json_option
@common_options()
@click.pass_context
def join(
    context: click.Context,
    link: str | None,
    link_file: str | None,
    name: str | None,
    listen_port: int | None,
    timeout_s: float,
    patience_s: int,
    as_json: bool,
) -> None:
    """Join a network by its invite LINK, and wait until this device is connected.

    The link comes as an argument, from --link-file, or from MESHDHT_LINK; the last two keep it out
    of the process list. --network gives the network another name on this device. Where an admin has
    to approve this device first, it says so and waits; who gives up may come again with the link.

    \b
    Example: sudo meshdht join --link-file invite.txt --name laptop
    """
    settings = settings_of(context)
    action = Join(
        link=read_link(link, link_file),
        name=name,
        listen_port=listen_port,
        network=settings.network,
        patience_s=patience_s,
    )
    need_root("meshdht join")
    ready = start(settings, action, timeout_s)
    if as_json:
        say_json(Up(network=ready.network, device=ready.device, addresses=ready.addresses))
    else:
        say(f"joined {ready.network}; this device is {_whoami(ready)}")
    make_service(settings, NETWORK, ready.network)


@click.command()
@json_option
@common_options()
@click.pass_context
def up(context: click.Context, as_json: bool) -> None:
    """Start the network's daemon in the background; does nothing if it runs.

    \b
    Example: sudo meshdht up
    """
    settings = settings_of(context)
    network = settings.chosen()
    try:
        told = _running(settings, network)
        how = f"already up; this device is {told.device}"
    except NoDaemon:
        need_root("meshdht up")
        told, how = _bring_up(settings, network)
    if as_json:
        say_json(told)
    else:
        say(f"network {network} is {how}")


def _running(settings: Settings, network: str) -> Up:
    """What runs; raises NoDaemon."""
    with Client(settings.socket(network)) as daemon:
        own = daemon.status().device
    return Up(network=network, device=own.name, addresses=own.addresses, started=False)


def _bring_up(settings: Settings, network: str) -> tuple[Up, str]:
    """Start the daemon, or the service that runs it; what runs then, and how in words."""
    if is_service(settings, NETWORK):
        from meshdht.service.service import failure, wait_until_ended
        from meshdht.service.service import start as start_service

        unit = start_service(NETWORK, network)
        try:
            told = _running(settings, network)
        except NoDaemon:
            # It was up, and has ended since: others told it that it is out, say.
            wait_until_ended(NETWORK, network)
            raise failure(unit) from None
        return replace(told, started=True), f"up; {unit} runs it"
    ready = start(settings, Run(network=network), START_TIMEOUT_S)
    told = Up(network=ready.network, device=ready.device, addresses=ready.addresses)
    return told, f"up; this device is {_whoami(ready)}"


@click.command()
@common_options()
@click.pass_context
def down(context: click.Context) -> None:
    """Stop the network's daemon, and wait until it has left nothing behind.

    \b
    Example: sudo meshdht down
    """
    stop(NETWORK, settings_of(context))


@click.command()
@click.option(
    "--link-file",
    metavar="FILE",
    envvar="MESHDHT_LINK_FILE",
    help="Join by the link in FILE, if this device is in no network yet.  [MESHDHT_LINK_FILE]",
)
@click.option(
    "--name",
    type=label,
    metavar="NAME",
    envvar="MESHDHT_NAME",
    help="What this device is called when it joins.  [MESHDHT_NAME]",
)
@common_options()
@click.pass_context
def daemon(context: click.Context, link_file: str | None, name: str | None) -> None:
    """Run the network's daemon in the foreground until it is told to stop; it logs to stderr.

    In a container it joins by itself, by the link in the file that MESHDHT_LINK_FILE names or in
    MESHDHT_LINK; once this device belongs to the network the link is not looked at.

    \b
    Example: meshdht daemon --network home
    """
    from meshdht.api.spawn import run_in_foreground

    settings = settings_of(context)
    known = settings.networks() if settings.network is None else [settings.network]
    action: Action
    if (link_file or os.environ.get("MESHDHT_LINK")) and not any(map(settings.holds, known)):
        link = read_link(None, link_file)
        action = Join(link=link, name=name, network=settings.network)
    else:
        action = Run(network=settings.chosen())
    need_root("meshdht daemon")
    run_in_foreground(launch_request(settings, action))


@click.command()
@click.pass_context
def demo(context: click.Context) -> None:
    """Build a mesh of four devices on this machine, two of them behind a NAT, and try it.

    They live in network namespaces of their own. Everything is taken away again at the end.

    \b
    Example: sudo meshdht demo
    """
    from meshdht.lab import demo as lab_demo

    need_root("meshdht demo")
    python = [sys.executable, "-m", "meshdht"]
    context.exit(lab_demo.run(argv_python=python, interactive=interactive(), out=sys.stdout))


def start(settings: Settings, action: Action, timeout_s: float) -> Ready:
    """Start a daemon in the background, saying on stderr what it does meanwhile."""
    from meshdht.api.spawn import launch

    with Progress("starting", says_steps=True) as progress:
        return launch(launch_request(settings, action), progress=progress, timeout_s=timeout_s)


def is_service(settings: Settings, kind: Kind) -> bool:
    """Whether what lies in these directories is for systemd to run."""
    for directory, usual in ((settings.state_dir, STATE_DIR), (settings.runtime_dir, RUNTIME_DIR)):
        if directory != Path(usual, kind.folder):
            return False
    from meshdht.service.service import is_installed

    return is_installed(kind)


def make_service(settings: Settings, kind: Kind, name: str) -> None:
    """Hand what has just come up over to systemd, where meshdht is a service."""
    if is_service(settings, kind):
        from meshdht.service.service import adopt

        note(f"{adopt(kind, name)} runs it, after a reboot too")


def stop(kind: Kind, settings: Settings) -> None:
    """Stop the daemon of a network or an anchor, and say so."""
    name, what = settings.chosen(), kind.what
    try:
        with Client(settings.socket(name)) as daemon:
            daemon.down()
        if is_service(settings, kind):
            from meshdht.service.service import wait_until_ended

            wait_until_ended(kind, name)
    except NoDaemon:
        if left := _tidied(settings, kind, name):
            say(f"{what} {name} is down; its daemon had been killed")
            note(f"removed what that left: {', '.join(left)}")
        else:
            say(f"{what} {name} is already down")
    else:
        say(f"{what} {name} is down")


def _tidied(settings: Settings, kind: Kind, name: str) -> list[str]:
    """Have what a daemon that was killed has left removed, if one was; returns what it was."""
    if not settings.holds(name):
        if settings.socket(name).exists() and not may_make_interfaces():
            raise ApiError(
                f"the daemon of {kind.what} {name} was killed, and left something to root",
                as_root(f"meshdht {'anchor ' if kind is ANCHOR else ''}down"),
            )
        return []
    if is_service(settings, kind):
        from meshdht.service.service import stop as stop_service

        stop_service(kind, name)
    from meshdht.api.spawn import launch

    left: list[str] = []
    request = launch_request(settings, Tidy(name=name, is_anchor=kind is ANCHOR))
    launch(request, progress=left.append, timeout_s=START_TIMEOUT_S)
    return left


def launch_request(settings: Settings, action: Action) -> LaunchRequest:
    return LaunchRequest(
        action=action,
        state_dir=os.fspath(settings.state_dir),
        runtime_dir=os.fspath(settings.runtime_dir),
    )


def read_link(link: str | None, link_file: str | None) -> str:
    """The link from where the user put it; raises ApiError (exit code 2)."""
    if link is not None and link_file is not None:
        raise ApiError("two links: an argument and --link-file", "give one of them", exit_code=2)
    if link is not None:
        found, source = link, "the argument"
    elif link_file is not None:
        found, source = read_file(link_file, "the link"), f"--link-file {link_file}"
    else:
        found, source = os.environ.get("MESHDHT_LINK", ""), "MESHDHT_LINK"
    found = "".join(found.split())  # a mail may have broken it over lines
    if not found:
        raise ApiError(
            "no invite link was given" if link_file is None else f"{source} holds no link",
            "meshdht invite, on a device of the network, prints one",
            exit_code=2,
        )
    if not found.startswith(_LINK_SCHEME):
        raise ApiError(
            f"{source} is not an invite link: it does not begin with {_LINK_SCHEME}",
            "copy the whole line that meshdht invite printed",
            exit_code=2,
        )
    return found


def need_root(command: str) -> None:
    """Refuse at once where the daemon could not make an interface; raises ApiError."""
    if not may_make_interfaces():
        verb = command.split()[1]
        raise ApiError(f"{verb} needs root: it makes a network interface", as_root(command))


def may_make_interfaces() -> bool:
    """Whether this process is root, as far as networks go."""
    if os.geteuid() == 0:
        return True
    capabilities = next(line for line in _SELF_STATUS.read_text().splitlines() if "CapEff" in line)
    return bool(int(capabilities.split()[1], 16) >> _CAP_NET_ADMIN & 1)


def _whoami(ready: Ready) -> str:
    return f"{ready.device}, {' '.join(ready.addresses)}"
