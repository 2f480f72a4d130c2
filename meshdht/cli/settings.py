"""Where state and sockets lie, and which network a verb means."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from meshdht.api.errors import ApiError, as_root
from meshdht.cli.values import label
from meshdht.service import RUNTIME_DIR, STATE_DIR

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")

F = TypeVar("F", bound=Callable[..., Any])


class Settings(NamedTuple):
    """The options that every verb has; they may stand before or after the verb."""

    state_dir: Path
    runtime_dir: Path
    network: str | None = None

    def socket(self, network: str) -> Path:
        return self.runtime_dir / f"{network}.sock"

    def networks(self) -> list[str]:
        """Every network that has state or a socket here, as far as this user may look."""
        found = {path.stem for path in _listing(self.runtime_dir) if path.suffix == ".sock"}
        found |= {path.name for path in _listing(self.state_dir) if _holds_network(path)}
        return sorted(found)

    def holds(self, network: str) -> bool:
        """Whether this machine has been in the network before, as far as this user may look."""
        return _holds_network(self.state_dir / network)

    def chosen(self) -> str:
        """The network that is meant: the named one, or the only one; raises ApiError."""
        if self.network is not None:
            self._refuse_mistyped(self.network)
            return self.network
        match self.networks():
            case [only]:
                return only
            case []:
                raise self._no_network()
            case several:
                raise ApiError(
                    f"several networks are here: {', '.join(several)}",
                    f"say which: --network {several[0]}",
                    exit_code=2,
                )

    def _refuse_mistyped(self, network: str) -> None:
        """Raises ApiError where it can only be another one of this machine that is meant."""
        known = self.networks()
        if network not in known and known:
            import difflib

            if close := difflib.get_close_matches(network, known, n=1):
                raise ApiError(f"there is no network {network!r} here", f"did you mean {close[0]}?")

    def chosen_socket(self) -> Path:
        return self.socket(self.chosen())

    def _no_network(self) -> ApiError:
        if self.state_dir.is_dir() and not os.access(self.state_dir, os.R_OK | os.X_OK):
            return ApiError("no network is up here", as_root("meshdht up"))
        return ApiError(
            "this device belongs to no network yet",
            f"{as_root('meshdht init home')} makes one; {as_root('meshdht join LINK')} joins one",
        )


def _listing(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _remember(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            settings = context.ensure_object(_Draft)
            settings[field] = value.absolute() if isinstance(value, Path) else value

    return callback


class _Draft(dict[str, Any]):
    """What has been said so far; the later word counts."""


def settings_of(context: click.Context) -> Settings:
    """The settings that hold for this call."""
    draft = context.ensure_object(_Draft)
    return Settings(
        state_dir=draft.get("state_dir", Path(STATE_DIR)),
        runtime_dir=draft.get("runtime_dir", Path(RUNTIME_DIR)),
        network=draft.get("network"),
    )


def _fitting_networks(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    return [name for name in settings_of(context).networks() if name.startswith(incomplete)]


def common_options(*, environment: bool = False, network: bool = True) -> Callable[[F], F]:
    """``--state-dir``, ``--runtime-dir`` and, unless the verb names its own, ``--network``.

    Only the outermost use reads the environment, or it would overrule an option given there.
    """

    def variable(name: str) -> str | None:
        return f"MESHDHT_{name}" if environment else None

    directory = click.Path(file_okay=False, path_type=Path)
    options = [
        click.option(
            "--state-dir",
            type=directory,
            envvar=variable("STATE_DIR"),
            expose_value=False,
            hidden=not environment,
            callback=_remember("state_dir"),
            help=f"Keys and records, MESHDHT_STATE_DIR.  [{STATE_DIR}]",
        ),
        click.option(
            "--runtime-dir",
            type=directory,
            envvar=variable("RUNTIME_DIR"),
            expose_value=False,
            hidden=not environment,
            callback=_remember("runtime_dir"),
            help=f"The daemons' sockets, MESHDHT_RUNTIME_DIR.  [{RUNTIME_DIR}]",
        ),
    ]
    if network:
        options.append(
            click.option(
                "--network",
                type=label,
                metavar="NAME",
                envvar=variable("NETWORK"),
                expose_value=False,
                callback=_remember("network"),
                shell_complete=_fitting_networks,
                help="Which network, where there are several, MESHDHT_NETWORK.",
            )
        )

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _holds_network(path: Path) -> bool:
    """Whether a directory is a network's; what an interrupted restore left is hidden."""
    return not path.name.startswith(".") and (path / "state.db").exists()
