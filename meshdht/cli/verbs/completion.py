"""``completion``: what makes a shell complete verbs, options, and the names of devices."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from meshdht.api.errors import ApiError
from meshdht.cli.output import note, say
from meshdht.cli.settings import common_options

VARIABLE = "_MESHDHT_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
# Where each shell looks by itself, below $XDG_DATA_HOME or $XDG_CONFIG_HOME; zsh has no such place.
_PLACES = {
    "bash": ("XDG_DATA_HOME", ".local/share", "bash-completion/completions/meshdht"),
    "zsh": ("XDG_DATA_HOME", ".local/share", "zsh/site-functions/_meshdht"),
    "fish": ("XDG_CONFIG_HOME", ".config", "fish/completions/meshdht.fish"),
}


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.option("--install", is_flag=True, help="Write it to where your shell looks for such.")
@common_options(network=False)
def completion(shell: str | None, install: bool) -> None:
    """Have your SHELL complete verbs, options, and the names of devices and networks.

    Prints the script that does so, or installs it for you. SHELL is bash, zsh or fish, and yours
    if not said. The names come from the daemon; where it may not be asked, there are none.

    \b
    Example: meshdht completion --install
    """
    chosen = shell or _own_shell()
    script = source(chosen)
    if not install:
        sys.stdout.write(script)
        return
    path = place(chosen)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script, encoding="utf-8")
    except OSError as error:
        raise ApiError(f"cannot write {path}: {error.strerror}", "check its rights") from None
    say(f"installed: {path}")
    if chosen == "zsh":
        note(f"in ~/.zshrc, before compinit: fpath+=({path.parent})")
    note("it counts from the next shell on")


def source(shell: str) -> str:
    """The script for a shell, click's."""
    from click.shell_completion import get_completion_class

    from meshdht.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    return kind(cli, {}, "meshdht", VARIABLE).source() + "\n"


def place(shell: str) -> Path:
    """The file that the user's shell reads the script from."""
    variable, default, file = _PLACES[shell]
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / file


def _own_shell() -> str:
    """The user's; raises ApiError where that is none that can be served."""
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        said = f"your shell is {name}" if name else "your shell is not known"
        raise ApiError(said, "name one: meshdht completion bash", exit_code=2)
    return name
