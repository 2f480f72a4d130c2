"""Puts a report together: facts in, text out, every part of it through the redactor."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from meshdht.api.doctor_messages import Diagnosis
from meshdht.api.messages import Status
from meshdht.api.settings_messages import Settings
from meshdht.cli.report.redaction import Redactor

LOG_LINES_MAX = 300
_HOST = re.compile(r"(?:.*@)?(?P<host>[^@:/\[\]]+):\d+$")
_RELEASE = re.compile(r"\d+(?:\.\d+){1,2}")


@dataclass(slots=True)
class Facts:
    """All that goes into a report; None and empty: it could not be had."""

    release: str
    python: str
    system: str
    """The distribution, as /etc/os-release names it."""
    kernel: str
    machine: str
    diagnosis: Diagnosis
    status: Status | None = None
    settings: Settings | None = None
    log: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)
    """Why something is missing."""
    names: dict[str, list[str]] = field(default_factory=dict)
    """Names that are known, by what they are names of: of people, machines, networks."""


def compose(facts: Facts) -> str:
    """The report, redacted: Markdown, to be read before it is given away."""
    redactor = Redactor(_names(facts))
    release = _RELEASE.match(facts.kernel)
    lines = [
        "# meshdht bug report",
        "",
        "Names, addresses, keys and links are replaced; `…` stands for a word that is not the",
        "program's own. What happened, and what should have, belongs here:",
        "",
        "",
        "## Versions",
        "",
        f"- meshdht {facts.release}, Python {facts.python}",
        f"- {facts.system}, Linux {release[0] if release else 'unknown'}, {facts.machine}",
        *(f"- missing: {redactor.text(note)}" for note in facts.notes),
        "",
        "## Doctor",
        "",
        *(
            f"- {each.level}: {each.check}: {redactor.text(each.message)}"
            for each in facts.diagnosis.findings
        ),
        *_block("Status", redactor, facts.status),
        *_block("Settings", redactor, facts.settings),
    ]
    if facts.log:
        log = [redactor.text(line) for line in facts.log[-LOG_LINES_MAX:]]
        lines += ["", "## Log", "", "```", *log, "```"]
    return "\n".join(lines) + "\n"


def _block(title: str, redactor: Redactor, value: Any) -> list[str]:
    if value is None:
        return []
    tree = redactor.tree(msgspec.to_builtins(value))
    json = msgspec.json.format(msgspec.json.encode(tree), indent=1).decode()
    return ["", f"## {title}", "", "```json", json, "```"]


def _names(facts: Facts) -> Mapping[str, Iterable[str]]:
    names = {kind: list(each) for kind, each in facts.names.items()}
    if facts.status is not None:
        names.setdefault("network", []).append(facts.status.network)
        devices = names.setdefault("device", [])
        devices += [facts.status.device.name, *(peer.name for peer in facts.status.peers)]
    if facts.settings is not None:
        for setting in facts.settings.settings:
            values = setting.value if isinstance(setting.value, tuple) else (setting.value,)
            hosts = (_HOST.match(str(value)) for value in values)
            names.setdefault("host", []).extend(found["host"] for found in hosts if found)
    return names
