"""What happened to the network since the daemon's start: paths that came, changed and went, and
members. In memory alone, and the last of it only: the membership log has what is to stay."""

from __future__ import annotations

from collections import deque

from meshdht.api.history_messages import Happening, HappeningKind
from meshdht.crypto.keys import DeviceId
from meshdht.limits import HAPPENINGS_REMEMBERED
from meshdht.node.node import Node
from meshdht.paths.candidate import PathKind
from meshdht.paths.view import PathView

_WORDS = {PathKind.DIRECT: "direct by", PathKind.LAN: "on the LAN by"}


class Chronicle:
    """Told of changes, it compares and writes down what differs."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._happenings: deque[Happening] = deque(maxlen=HAPPENINGS_REMEMBERED)
        self._count = 0
        self._paths: dict[DeviceId, PathView] = {}
        self._names = self._members()
        self._note("daemon", "", "the daemon started")

    def path_changed(self, device: DeviceId) -> None:
        """A device is reached in another way, or not any more."""
        now = self._node.path(device)
        before = self._paths.get(device)
        known = (before.kind, before.endpoint, before.relay) if before is not None else None
        if known == (now.kind, now.endpoint, now.relay):
            return
        if before is None and now.kind is PathKind.NONE:
            return
        if now.kind is PathKind.NONE:
            self._paths.pop(device, None)
        else:
            self._paths[device] = now
        self._note("path", self._node.roster.name_of(device), self._words(device, now))

    def roster_changed(self) -> None:
        """Devices came in, went out, or are called otherwise."""
        before, self._names = self._names, self._members()
        for device, name in self._names.items():
            former = before.get(device)
            if former is None:
                self._note("member", name, "is a member now")
            elif former != name:
                self._note("member", name, f"was called {former}")
        for device, name in before.items():
            if device not in self._names:
                self._paths.pop(device, None)
                self._note("member", name, "is a member no more")

    def after(self, sequence: int) -> tuple[Happening, ...]:
        """What happened after number ``sequence``, as far as it is remembered."""
        return tuple(each for each in self._happenings if each.sequence > sequence)

    def _words(self, device: DeviceId, path: PathView) -> str:
        why = self._node.why(device)
        because = f": {why}" if why else ""
        if path.kind is PathKind.NONE:
            return f"lost{because}"
        if path.relay is not None:
            return f"by relay {self._node.roster.name_of(path.relay)}{because}"
        return f"{_WORDS.get(path.kind, path.kind.value)} {path.endpoint}"

    def _members(self) -> dict[DeviceId, str]:
        return {device.id: device.name for device in self._node.roster}

    def _note(self, kind: HappeningKind, about: str, text: str) -> None:
        self._count += 1
        when = round(self._node.time.unix(), 3)
        self._happenings.append(
            Happening(sequence=self._count, when=when, kind=kind, about=about, text=text)
        )
