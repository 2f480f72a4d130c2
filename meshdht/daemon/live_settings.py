"""Settings that are changed while the daemon runs, in force at once and in ``config.toml``."""

from __future__ import annotations

import contextlib
import difflib
import logging
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from meshdht.api.settings_messages import Setting, Settings
from meshdht.daemon.config import Config, parse_config
from meshdht.daemon.config_file import Value, with_values, write_file
from meshdht.errors import ConfigError, MeshdhtError, StateError, UsageError

log = logging.getLogger(__name__)

LIVE = (
    "anchors", "dns", "exclude_interfaces", "log_level", "metrics_port", "mtu", "port_mapping",
    "relay", "relay_mbit", "relay_ports", "relay_tls_port", "stun",
)  # fmt: skip
DEFAULT = "default"
_YES_NO = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


class LiveSettings:
    """``apply(config)`` brings a running daemon to what a configuration says; it raises
    MeshdhtError where that cannot be."""

    def __init__(
        self, network: str, path: Path, config: Config, apply: Callable[[Config], Awaitable[None]]
    ) -> None:
        self.config = config
        """What is in force."""
        self._written = config
        """What the next start goes by, as far as it was set here."""
        self._network = network
        self._path = path
        self._apply = apply

    def told(self) -> Settings:
        default = Config()
        settings = [
            Setting(
                name=name,
                value=tuple(value) if isinstance(value, list) else value,
                is_default=value == getattr(default, name),
                live=name in LIVE,
                pending=_text(waits) if waits != value else None,
            )
            for name in sorted(Config.__struct_fields__)
            for value, waits in [(getattr(self.config, name), getattr(self._written, name))]
        ]
        return Settings(network=self._network, file=str(self._path), settings=tuple(settings))

    async def change(self, values: Mapping[str, str]) -> Settings:
        """Those that are live change at once, the others with the next start. Raises UsageError for
        what no setting is or may be; nothing is changed then."""
        asked = {name: _value(name, text) for name, text in values.items()}
        before = self._text()
        parse_config(before, self._path)  # a mistake of before is told as such
        text = with_values(before, asked)
        try:
            # The file as a whole, as the next start will read it.
            written = parse_config(text, self._path)
        except ConfigError as error:
            wrong = ", ".join(f"{name}={value}" for name, value in values.items())
            why = error.message.removeprefix(f"{self._path}: ")
            raise UsageError(f"{wrong} cannot be: {why}", "meshdht get shows what is") from None
        live = {name: getattr(written, name) for name in asked if name in LIVE}
        if live:
            await self._change(replace(self.config, **live))
        said = {name: getattr(written, name) for name in sorted(asked)}
        log.info("set %s", ", ".join(f"{name} = {value!r}" for name, value in said.items()))
        write_file(self._path, text)
        self._written = written
        return self.told()

    async def _change(self, now: Config) -> None:
        was, self.config = self.config, now
        try:
            await self._apply(now)
        except MeshdhtError:
            self.config = was
            with contextlib.suppress(MeshdhtError):
                await self._apply(was)
            raise

    def _text(self) -> str:
        try:
            return self._path.read_text()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StateError(f"cannot read {self._path}: {error.strerror}") from None


def _text(value: bool | int | str | list[str] | None) -> str:
    """A value as a user writes it."""
    match value:
        case None:
            return DEFAULT
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(value)
    return str(value)


def _value(name: str, text: str) -> Value:
    """What a user's text says of a setting; None: it goes back to its default."""
    known = Config.__struct_fields__
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "meshdht get lists them"
        raise UsageError(f"there is no setting {name!r}", hint)
    if text == DEFAULT:
        return None
    if isinstance(getattr(Config(), name), bool) and text.lower() in _YES_NO:
        return _YES_NO[text.lower()]
    if isinstance(getattr(Config(), name), list):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value = parsed.pop("value")
    # With anything beside it, it is no value.
    return value if not parsed and isinstance(value, bool | int | str) else text
