"""``get`` and ``set``: the settings in ``config.toml``, and those that change at once."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.api.errors import ApiError
from meshdht.api.settings_messages import ChangeSettings, Setting, Settings
from meshdht.cli import completing
from meshdht.cli.output import Column, coloured, note, printable, say, say_json, table
from meshdht.cli.settings import common_options, json_option, settings_of
from meshdht.cli.verbs.start import is_service
from meshdht.service.unit import NETWORK


@click.command("get")
@click.argument("key", required=False, shell_complete=completing.setting_keys)
@json_option
@common_options()
@click.pass_context
def get(context: click.Context, key: str | None, as_json: bool) -> None:
    """The settings with the values in force, or the value of KEY alone.

    Those marked *live* change while the network is up, by `meshdht set`. The others are read from
    config.toml when the daemon starts; what was set since then is shown beside.

    \b
    Example: meshdht get mtu
    """
    with Client(settings_of(context).chosen_socket()) as daemon:
        told = daemon.settings()
    if key is not None:
        told = Settings(network=told.network, file=told.file, settings=(_named(told, key),))
    if as_json:
        say_json(told)
    elif key is not None:
        say(printable(value_text(told.settings[0])))
    else:
        for line in settings_lines(told, on=coloured(sys.stdout)):
            say(line)


@click.command("set")
@click.argument(
    "changes",
    metavar="KEY=VALUE...",
    nargs=-1,
    required=True,
    shell_complete=completing.setting_changes,
)
@json_option
@common_options()
@click.pass_context
def set_(context: click.Context, changes: tuple[str, ...], as_json: bool) -> None:
    """Change settings while the network is up, and for good: they are written to config.toml.

    A few wait for the next start, and it says so. All of them are changed, or none. `KEY=default`
    takes a setting back. `meshdht get` shows which there are.

    \b
    Example: meshdht set log_level=debug
    """
    values = dict(map(_pair, changes))
    settings = settings_of(context)
    with Client(settings.chosen_socket()) as daemon:
        told = daemon.change_settings(ChangeSettings(values=values))
    if as_json:
        say_json(told)
        return
    changed = [setting for setting in told.settings if setting.name in values]
    for setting in changed:
        if setting.pending is None:
            say(f"{setting.name} is {printable(value_text(setting))} now")
        else:
            say(f"{setting.name} is {printable(setting.pending)} from the next start on")
    if any(setting.pending is not None for setting in changed):
        by_hand = "sudo meshdht down && sudo meshdht up"
        by_systemd = "sudo meshdht service restart"
        note(f"start anew: {by_systemd if is_service(settings, NETWORK) else by_hand}")


def _named(told: Settings, key: str) -> Setting:
    for setting in told.settings:
        if setting.name == key:
            return setting
    import difflib

    names = [setting.name for setting in told.settings]
    close = difflib.get_close_matches(key, names, n=1)
    hint = f"meshdht get {close[0]}" if close else "meshdht get lists them"
    raise ApiError(f"there is no setting {key!r}", hint, exit_code=2)


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise click.BadParameter(f"{text!r} is not KEY=VALUE, such as log_level=debug")
    return key.strip(), value.strip()


def value_text(setting: Setting) -> str:
    """A value as it is written in config.toml, but for quotes; ``default``: there is none."""
    match setting.value:
        case None:
            return "default"
        case bool(value):
            return "true" if value else "false"
        case tuple(values):
            return ", ".join(values) or "none"
        case value:
            return str(value)


def _when(setting: Setting) -> str:
    if setting.pending is not None:
        return f"at start: {setting.pending}"
    return "live" if setting.live else "at start"


def settings_lines(told: Settings, *, on: bool) -> list[str]:
    """The settings as text, in colour if ``on``; those of the user in bold."""
    chosen = {each.name for each in told.settings if not each.is_default}
    columns = [
        Column(style_of=lambda name: ("bold",) if name in chosen else ()),
        Column(styles=("cyan",)),
        Column(styles=("dim",)),
    ]
    rows = [[each.name, value_text(each), _when(each)] for each in told.settings]
    return table(columns, rows, titles=False, on=on)
