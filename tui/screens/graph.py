"""The mesh as a picture, as this device knows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from meshdht.api.errors import ApiError
from meshdht.api.link_messages import GetLinks, Link, LinksReply

from ..graph_text import around, caption, draw, groups
from ..host import Host
from ..widgets.lines import Lines
from ..widgets.notice import Notice
from .view import View


class GraphScreen(View):
    """A device in it is chosen by the arrows or a click, and opened by enter or another one. The
    others are asked for their links while it is seen."""

    TAB = "graph"
    POLL_S = 5.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="one peer in full"),
        Binding("down,right", "choose(1)", "Next device", key_display="↓"),
        Binding("up,left", "choose(-1)", "Device before", key_display="↑", show=False),
    ]

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._chosen: str | None = None
        self._drawn: object = None
        self._links: Sequence[Link] = ()

    def parts(self) -> Iterable[Widget]:
        yield Lines(id="picture")
        yield Lines(id="caption")
        yield Notice()

    async def load(self) -> None:
        try:
            self._links = (await self.host.ask(GetLinks(), LinksReply)).links.links
        except ApiError:
            self._links = ()  # what is not known is not drawn
            raise

    def draw(self, now: float) -> None:
        ledger, notice = self.host.ledger, self.query_one(Notice)
        status = ledger.status
        empty = status is None or not status.peers
        notice.display = empty
        for place in ("#picture", "#caption"):
            self.query_one(place).display = not empty
        if status is None or not status.peers:
            notice.explain(ledger, self.host.network)
            return
        width, height = self.query_one("#picture").size
        # What the picture is made of: while it is equal, so is the picture.
        seen = [
            (each.id, each.name, each.online, each.path, each.rtt_ms, each.loss)
            for each in status.peers
        ]
        links = self._links
        basis = seen, links, status.device.name, width, height, self._chosen, self.app.theme
        if basis != self._drawn and width and height:
            self._drawn = basis
            own = status.device.name
            picture = draw(status.peers, own, width, height, self._chosen, links)
            self.write("#picture", picture or groups(status.peers, width, self._chosen))
        self.write("#caption", caption(ledger.peer(self._chosen), self.size.width, links))

    def action_choose(self, step: int) -> None:
        ids = [peer.id for _, _, peer in around(self.host.ledger.peers) if peer is not None]
        if not ids:
            return
        if self._chosen in ids:
            self._chosen = ids[(ids.index(self._chosen) + step) % len(ids)]
        else:
            self._chosen = ids[0 if step > 0 else -1]
        self.show()

    def action_pick(self, peer_id: str) -> None:
        if peer_id == self._chosen:
            self.action_open()
        elif self.host.ledger.peer(peer_id) is not None:
            self._chosen = peer_id
            self.show()

    def action_open(self) -> None:
        if self._chosen is not None and self.host.ledger.peer(self._chosen) is not None:
            from .peer import PeerScreen

            self.app.push_screen(PeerScreen(self.host, self._chosen))
