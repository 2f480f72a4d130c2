"""One peer in full."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from meshdht_tui.screens.peer import PINGS, PeerScreen
from meshdht_tui.widgets.lines import Lines
from msgspec.structs import replace

from meshdht.api.recent_messages import Recent, RecentPeer
from tests.api.fake_daemon import LAPTOP, PHONE, STATUS, WHY, FakeService
from tests.tui.screen import screen_text, until, until_shown, until_told


async def opened(app: MeshdhtApp, pilot: object) -> None:
    """The phone's, which comes last by name."""
    await until_shown(pilot, "laptop")
    await pilot.press("down", "down", "enter")  # type: ignore[attr-defined]
    await until_shown(pilot, "WireGuard")


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_it_shows_every_way_and_why_it_is_relayed(
    socket_path: Path, size: tuple[int, int]
) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot)
        await until_shown(pilot, "198.51.100.9:41820")
        text = screen_text(app)
    for words in ("◐ phone", WHY, "▸ 192.0.2.1:40001", "● alive", "○ silent", PHONE.id, "no NAT"):
        assert words in text
    for title in ("round trip", "received", "sent"):
        assert title in text


@pytest.mark.usefixtures("service")
async def test_the_charts_fill_their_boxes_whatever_their_size(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path, clock=lambda: 1000.0)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        box = app.screen.query_one("#rtt", Lines)
        for size, lines in (((160, 45), 10), ((80, 24), 4)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda lines=lines: box.content_size.height == lines)  # type: ignore[misc]
            await until(pilot, lambda lines=lines: len(box.lines) == lines)  # type: ignore[misc]


async def test_its_charts_begin_before_the_view_was_opened(
    service: FakeService, socket_path: Path
) -> None:
    past = RecentPeer(
        id=PHONE.id,
        traffic_ago_s=(30, 29, 28),
        received=(3_000_000,) * 3,
        sent=(6_000,) * 3,
        probed_ago_s=(75, 50, 25),
        rtt_ms=(40.0, None, 160.0),
    )
    service.remembered = Recent(network="home", peers=(past,))
    app = MeshdhtApp(socket_path, clock=lambda: 1000.0)
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(app, pilot)
        for words in ("peak 2.9 MiB/s", "peak 5.9 KiB/s", "best 40.0 ms, worst 160"):
            await until_shown(pilot, words)


@pytest.mark.usefixtures("service")
async def test_a_ping_is_told_as_it_comes_and_in_the_end(
    socket_path: Path, told: list[str]
) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await opened(app, pilot)
        await pilot.press("p")
        await until_told(pilot, told, f"{PINGS} of {PINGS} pings answered, 84.0 ms on average")
        assert list(app.ledger.trail(PHONE).rtt_ms)[-PINGS:] == [84.0] * PINGS


async def test_a_ping_that_nobody_answers_says_so(
    service: FakeService, socket_path: Path, told: list[str]
) -> None:
    service.snapshot = replace(STATUS, peers=(LAPTOP, replace(PHONE, rtt_ms=None)))
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await opened(app, pilot)
        await pilot.press("p")
        await until_told(pilot, told, f"none of {PINGS} pings was answered")


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(("key", "copied"), [("c", "100.64.7.3"), ("i", PHONE.id)])
async def test_keys_copy_what_is_asked_for(socket_path: Path, key: str, copied: str) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press(key)
        await until(pilot, lambda: app.clipboard == copied)


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("key", ["escape", "backspace"])
async def test_esc_leads_back_to_the_table(socket_path: Path, key: str) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press(key)
        await until_shown(pilot, "attic")
        assert not isinstance(app.screen, PeerScreen)


async def test_a_peer_that_leaves_the_network_leaves_the_screen(
    service: FakeService, socket_path: Path
) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        service.snapshot = replace(STATUS, peers=(LAPTOP,))
        service.feed.touch()
        await until_shown(pilot, "1 of 1 online")
        await until(pilot, lambda: not isinstance(app.screen, PeerScreen))
