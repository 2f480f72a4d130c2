"""Names of networks and devices: DNS labels, so that ``nas.home.internal`` resolves.

A label has 1 to 63 lower-case letters, digits and hyphens, none at its ends (RFC 1035, section
2.3.1, with the digits first that RFC 1123 allows), nor two as its third and fourth (RFC 5891,
section 4.2.3.1, keeps those for encoded labels).
"""

from __future__ import annotations

import re
import unicodedata

from meshdht.errors import InvalidName, Malformed
from meshdht.wire.buffer import Reader

LABEL_MAX = 63
DOMAIN = "internal"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def label_fault(text: str, length_max: int = LABEL_MAX) -> str:
    """What keeps ``text`` from being a label; empty if nothing does."""
    if not text:
        return "it is empty"
    if len(text) > length_max:
        return f"it has {len(text)} characters, more than {length_max}"
    if _LABEL.fullmatch(text):
        return "it has hyphens in places 3 and 4" if text[2:4] == "--" else ""
    if text[0] == "-" or text[-1] == "-":
        return "it begins or ends with a hyphen"
    if re.fullmatch(r"[A-Za-z0-9-]+", text):
        return "it has upper-case letters"
    strange = next(character for character in text if not re.match(r"[A-Za-z0-9-]", character))
    return f"it has the character {strange!r}"


def validate_label(text: str, what: str = "device name", length_max: int = LABEL_MAX) -> str:
    """``text`` itself; raises InvalidName that says what is wrong and proposes a fix."""
    fault = label_fault(text, length_max)
    if not fault:
        return text
    proposal = suggest_label(text, length_max)
    hint = f"try {proposal!r}: " if proposal else ""
    raise InvalidName(
        f"{text!r} cannot be a {what}: {fault}",
        f"{hint}lower-case letters, digits and hyphens, at most {length_max} characters",
    )


def suggest_label(text: str, length_max: int = LABEL_MAX) -> str:
    """The label nearest to ``text`` (a host name, say); empty if nothing of it can stay."""
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:length_max].rstrip("-")


def read_label(reader: Reader, length_max: int = LABEL_MAX) -> str:
    """A label from bytes, u16 length ‖ text; raises Malformed."""
    text = reader.text()
    if label_fault(text, length_max):
        raise Malformed("a name that is no DNS label")
    return text


class NameTable:
    """Gives out names in the order of the fold: the second ``nas`` is ``nas-2``."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def take(self, asked: str) -> str:
        """``asked`` if it is free, else the first free one of ``asked-2``, ``asked-3`` …"""
        name = asked
        # Remembered, so that a thousand devices called "pi" do not each count from 2.
        number = self._next.get(asked, 2)
        while name in self._taken:
            suffix = f"-{number}"
            name = asked[: LABEL_MAX - len(suffix)].rstrip("-") + suffix
            number += 1
        self._next[asked] = number
        self._taken.add(name)
        return name

    def is_taken(self, name: str) -> bool:
        return name in self._taken

    def release(self, name: str) -> None:
        """A name that was given out is free again."""
        self._taken.discard(name)
        self._next.pop(name, None)
