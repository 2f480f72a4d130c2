"""One peer in full, on top of the table that it was chosen in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from statistics import fmean
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from meshdht.api.device_messages import Device, DevicesReply, GetDevices
from meshdht.api.messages import Peer, Ping
from meshdht.api.path_messages import GetPath, PathReply, PathReport
from meshdht.api.text import ipv4_first, path_text, rtt_text, size_text

from ..charts import LOST
from ..format import shape
from ..host import Host
from ..peer_text import facts, rate_chart, rtt_chart, way_cells
from ..widgets.grid import Grid, GridColumn
from ..widgets.lines import Lines
from .view import View

PINGS = 5
WAYS = (
    GridColumn("way", 23, most=48),
    GridColumn("kind", 6),
    GridColumn("state", 13),
    GridColumn("rtt", 8, right=True),
    GridColumn("answered", 10, rank=1, right=True),
    GridColumn("", 12, rank=2, most=60),
)


class PeerScreen(View):
    """Every way to a peer, its charts, its keys."""

    TAB = "peers"
    POLL_S = 3.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,left", "back", "Back", key_display="esc"),
        Binding("p", "ping", "Ping", tooltip="five times, a second apart"),
        Binding("c", "copy('address')", "Copy address"),
        Binding("i", "copy('id')", "Copy id", show=False),
        Binding("k", "copy('key')", "Copy key", tooltip="copy its WireGuard key"),
    ]

    def __init__(self, host: Host, peer_id: str) -> None:
        super().__init__(host)
        self._peer_id = peer_id
        self._device: Device | None = None
        self._report: PathReport | None = None

    def parts(self) -> Iterable[Widget]:
        yield Lines(id="facts", classes="panel")
        with Horizontal(id="charts"):
            for place, title in (("rtt", "round trip"), ("down", "received"), ("up", "sent")):
                box = Lines(id=place, classes="panel")
                box.entitle(title)
                yield box
        yield Grid(WAYS, id="ways")

    async def load(self) -> None:
        if self._device is None:
            roster = (await self.host.ask(GetDevices(), DevicesReply)).devices
            self._device = next((each for each in roster.devices if each.id == self._peer_id), None)
        peer = self._peer
        if peer is not None:
            self._report = (await self.host.ask(GetPath(peer=self._peer_id), PathReply)).report

    def draw(self, now: float) -> None:
        peer = self._peer
        if peer is None:
            self.action_back()  # it is a member no more
            return
        ledger = self.host.ledger
        about = self.query_one("#facts", Lines)
        about.entitle(f"{shape(peer)[0]} {peer.name}")
        width = about.content_size.width or self.size.width - 4
        self.write("#facts", facts(peer, ledger, self._device, self._report, width, now))
        trail = ledger.trail(peer)
        received, sent = ledger.rates(peer)
        size = self.query_one("#rtt").content_size
        self.write("#rtt", rtt_chart(peer, trail.rtt_ms, *size))
        down, up = self.query_one("#down", Lines), self.query_one("#up", Lines)
        down.show(rate_chart(received, trail.received, *down.content_size))
        down.entitle("received", f"{size_text(peer.rx_bytes)} in all")
        up.show(rate_chart(sent, trail.sent, *up.content_size))
        up.entitle("sent", f"{size_text(peer.tx_bytes)} in all")
        pairs = self._report.pairs if self._report is not None else ()
        self.query_one(Grid).show([(pair.endpoint, way_cells(pair)) for pair in pairs])

    @property
    def _peer(self) -> Peer | None:
        return self.host.ledger.peer(self._peer_id)

    def action_back(self) -> None:
        if self.app.screen is self:
            self.app.pop_screen()

    def action_copy(self, what: str) -> None:
        peer = self._peer
        if peer is None:
            return
        if what == "address":
            address = ipv4_first(peer.addresses)
            self.copy(address, address)
        elif what == "id":
            self.copy(peer.id, "device id")
        elif self._device is not None:
            self.copy(self._device.wireguard_key, "WireGuard key")

    def action_ping(self) -> None:
        self.act(self._ping)

    async def _ping(self) -> str:
        """A few pings, told as they come below the chart, which they feed."""
        box = self.query_one("#rtt")
        came: list[float] = []
        path = ""
        try:
            request = Ping(peer=self._peer_id, count=PINGS, timeout_s=2.0, until_direct=False)
            async with contextlib.aclosing(self.host.pings(request)) as pongs:
                async for pong in pongs:
                    number = pong.sequence + 1
                    box.border_subtitle = f"ping {number} of {PINGS}: {rtt_text(pong.rtt_ms)}"
                    peer = self._peer
                    if pong.rtt_ms is not None:
                        came.append(pong.rtt_ms)
                        path = path_text(pong.path)
                    if peer is not None:
                        took_ms = LOST if pong.rtt_ms is None else pong.rtt_ms
                        self.host.ledger.measured(peer, took_ms)
                        self.show()
        finally:
            box.border_subtitle = ""
        if not came:
            return f"none of {PINGS} pings was answered"
        return f"{len(came)} of {PINGS} pings answered, {rtt_text(fmean(came))} on average, {path}"
