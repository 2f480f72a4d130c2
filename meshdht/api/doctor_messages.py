"""What ``meshdht doctor`` asks of a network's daemon, and what it is told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from meshdht.api.version import API_VERSION

Level = Literal["fine", "note", "problem", "unknown"]


class Finding(Struct, frozen=True, kw_only=True):
    """What was found out about one thing, named by ``check``: ``engine``, ``firewall``, ``clock``.

    ``note``: it works, and could be better. ``unknown``: it could not be looked at, ``message``
    says why. ``fix`` is a command to paste into a shell, or empty where there is none."""

    check: str
    level: Level
    message: str
    fix: str = ""


class Diagnosis(Struct, frozen=True, kw_only=True):
    """Every finding, in the order to read them. ``network`` is None before there is one;
    ``daemon`` whether its running daemon looked, else only this machine was."""

    version: int = API_VERSION
    network: str | None
    daemon: bool
    findings: tuple[Finding, ...]
    took_s: float = 0.0

    @property
    def problems(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.level == "problem")


class GetDiagnosis(Struct, frozen=True, tag="doctor"):
    """Asks a device of a network for its Diagnosis: takes up to eight seconds."""


class DiagnosisReply(Struct, frozen=True, tag="doctor"):
    """Answers GetDiagnosis."""

    diagnosis: Diagnosis
