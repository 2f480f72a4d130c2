"""What is the matter with this machine and the network around it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from meshdht_tui.app import MeshdhtApp
from msgspec.structs import replace

from meshdht.api.doctor_messages import Diagnosis
from tests.api.fake_daemon import DIAGNOSIS, FakeService
from tests.tui.screen import screen_text, until, until_shown, until_told


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_findings_are_shown_with_what_helps(socket_path: Path, size: tuple[int, int]) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=size) as pilot:
        await app.action_go("doctor")
        await until_shown(pilot, "✕ 1 problem")
        text = screen_text(app)
        assert "✓ tun" in text
        assert "sudo ufw allow 41820/udp" in text
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard == "sudo ufw allow 41820/udp")


async def test_it_looks_once_and_again_when_asked(
    service: FakeService, socket_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    looks = 0
    may_end = asyncio.Event()

    async def diagnosis() -> Diagnosis:
        nonlocal looks
        looks += 1
        await may_end.wait()
        return replace(DIAGNOSIS, findings=DIAGNOSIS.findings[:1])

    monkeypatch.setattr(service, "diagnosis", diagnosis)
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await app.action_go("doctor")
        await until_shown(pilot, "Looking at the machine")
        await pilot.press("r", "r")
        may_end.set()
        await until_shown(pilot, "all is well")
        assert looks == 1
        await pilot.press("r")
        await until(pilot, lambda: looks == 2)
        await pilot.press("c")
        await until_told(pilot, told, "there is nothing to fix")


async def test_without_a_daemon_it_says_what_to_do(socket_path: Path) -> None:
    app = MeshdhtApp(socket_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_go("doctor")
        await until_shown(pilot, "meshdht up")
