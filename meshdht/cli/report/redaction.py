"""Takes out of a text whatever says who somebody is, where, or holds a secret.

Twice over. What is known to tell (names, addresses, keys, links) gets a placeholder that is the
same throughout a report, so that it can still be followed. Of what is left, only words that stand
in the program's own source, short numbers and punctuation pass: a word that nobody thought of does
not get through because nobody thought of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

OMITTED = "…"
_DIGITS_MAX = 7
_LINK = re.compile(r"\bmeshdht[a-z-]*://\S*")
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://\S+")
# The port of an address goes with it: both together are where a device is.
_IPV6 = re.compile(r"\[?[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%\w+)?(?:\]:\d+|\])?")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)(?::\d+)?(?:/\d+)?")
# Groups of a recovery key; then hex, base32 and base64 of ids, keys and digests.
_GROUPS = re.compile(r"\b(?:[A-Za-z0-9]{4,8}-){3,}[A-Za-z0-9]{4,8}\b")
_KEY = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_TOKEN = re.compile(r"<[a-z0-9-]+>|\w+|[^\w]")
_PARTS = re.compile(r"\w+|[^\w]")
_WORD = re.compile(r"\w+")
_INTERFACE = re.compile(r"(?:eth|wlan|wwan|tun|tap|wg|br|docker|lo)\d{0,3}")


class Redactor:
    """``names`` are known ones, by what they are names of: ``{"device": ["nas"]}``."""

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        self._issued: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        found = {name.lower(): kind for kind, each in names.items() for name in each if name}
        for name, kind in found.items():
            self._placeholder(kind, name)
        longest_first = sorted(map(re.escape, found), key=len, reverse=True)
        names_text = "|".join(longest_first)
        self._names = re.compile(rf"(?<!\w)(?:{names_text})(?!\w)", re.I) if found else None
        self._placeholders = set(self._issued.values())

    def text(self, text: str) -> str:
        """The text without anything that is not the program's own."""
        text = _LINK.sub(lambda found: self._placeholder("link", found[0]), text)
        text = _URL.sub(lambda found: self._placeholder("url", found[0]), text)
        text = _IPV6.sub(self._address, text)
        text = _IPV4.sub(self._address, text)
        if self._names is not None:
            text = self._names.sub(lambda found: self._issued[found[0].lower()], text)
        text = _GROUPS.sub(lambda found: self._placeholder("key", found[0]), text)
        text = _KEY.sub(self._key, text)
        return "".join(self._token(found[0]) for found in _TOKEN.finditer(text))

    def tree(self, value: Any) -> Any:
        """The same of every text in what JSON may hold."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.tree(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(each) for each in value]
        return value

    def _placeholder(self, kind: str, what: str) -> str:
        if what.lower() not in self._issued:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._issued[what.lower()] = f"<{kind}-{self._counts[kind]}>"
            self._placeholders = set(self._issued.values())
        return self._issued[what.lower()]

    def _address(self, found: re.Match[str]) -> str:
        whole = found[0]
        host = whole.partition("]")[0].strip("[]").partition("%")[0]
        if "." in host and host.count(":") < 2:
            host = re.split("[:/]", host)[0]
        try:
            address = ip_address(host)
        except ValueError:
            # The time of day has colons as well; what else has is a MAC or a part of something.
            return whole if re.fullmatch(r"\d{1,2}:\d\d:\d\d(?:\.\d+)?", whole) else OMITTED
        return self._placeholder(_kind(address), host)

    def _key(self, found: re.Match[str]) -> str:
        """A long run of letters is a name of the program if all of its words are."""
        parts = re.split(r"[/+_-]", found[0])
        if all(part.isalpha() and part.lower() in vocabulary() for part in parts if part):
            return found[0]
        return self._placeholder("key", found[0])

    def _token(self, token: str) -> str:
        if token in self._placeholders or (len(token) == 1 and not token.isalnum()):
            return token
        if token.startswith("<"):
            # It only looks like a placeholder.
            return "<" + "".join(self._token(part) for part in _PARTS.findall(token[1:]))
        if token.isdecimal():
            return token if len(token) <= _DIGITS_MAX else OMITTED
        is_known = token.lower() in vocabulary() or _INTERFACE.fullmatch(token)
        return token if is_known else OMITTED


def _kind(address: IPv4Address | IPv6Address) -> str:
    """What an address says of the network without saying which it is."""
    version = f"ipv{address.version}"
    if address.is_loopback or address.is_unspecified:
        return f"local-{version}"
    if address.is_link_local:
        return f"link-local-{version}"
    return f"public-{version}" if address.is_global else f"private-{version}"


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Every word of the program's source, and of the system's own errors; lower case."""
    words: set[str] = set()
    for source in Path(__file__).parents[2].rglob("*.py"):
        words.update(map(str.lower, _WORD.findall(source.read_text(encoding="utf-8"))))
    for number in range(134):
        words.update(map(str.lower, _WORD.findall(os.strerror(number))))
    return frozenset(words)
