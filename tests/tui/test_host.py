"""What every screen knows of the world."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.host import Host

from meshdht.api.errors import NoDaemon
from meshdht.api.messages import GetStatus, Ping, StatusReply
from tests.api.fake_daemon import STATUS


@pytest.mark.usefixtures("service")
async def test_it_asks_the_daemon_of_its_socket(socket_path: Path) -> None:
    host = Host(socket_path)
    assert host.network == "home"
    assert (await host.ask(GetStatus(), StatusReply)).status == STATUS
    pongs = [pong async for pong in host.pings(Ping(peer="phone", count=2))]
    assert [pong.rtt_ms for pong in pongs] == [84.0, 84.0]


async def test_without_a_daemon_it_raises_what_to_do(socket_path: Path) -> None:
    with pytest.raises(NoDaemon):
        await Host(socket_path).ask(GetStatus(), StatusReply)
