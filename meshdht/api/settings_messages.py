"""What ``meshdht get`` and ``set`` ask of a network's daemon, and what they are told."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION


class Setting(Struct, frozen=True, kw_only=True):
    """A key of ``config.toml`` with the value in force; None: the daemon chooses. ``live``: it can
    be changed while the daemon runs, the others are read when it starts. ``pending``: the value
    that the next start will go by, as text, where it was set to another one."""

    name: str
    value: bool | int | str | tuple[str, ...] | None
    is_default: bool
    live: bool
    pending: str | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting. ``file`` is where they are kept."""

    version: int = API_VERSION
    network: str
    file: str
    settings: tuple[Setting, ...]


class GetSettings(Struct, frozen=True, tag="settings"):
    """Asks for the Settings."""


class ChangeSettings(Struct, frozen=True, kw_only=True, tag="set"):
    """Asks to have settings changed, in the file and, if they are live, now; all of them or none;
    values as a user
    writes them, "default" for what there is without any."""

    values: Annotated[dict[str, Annotated[str, Meta(max_length=256)]], Meta(max_length=32)]


class SettingsReply(Struct, frozen=True, tag="settings"):
    """Answers both, the second once it is so."""

    settings: Settings
