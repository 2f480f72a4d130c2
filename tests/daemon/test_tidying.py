"""What a killed daemon left is removed, and nothing else. The whole: tests/lab/test_kill.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from meshdht.daemon import kernel_carrier
from meshdht.daemon.engines import mark_of
from meshdht.daemon.places import NetworkLock, Places
from meshdht.daemon.tidying import tidy
from meshdht.errors import AlreadyRunning

pytestmark = pytest.mark.lab


@pytest.fixture
def places(tmp_path: Path, own_network: None) -> Places:
    places = Places(tmp_path / "state", tmp_path / "run", "home")
    places.make_directory()
    places.runtime_dir.mkdir()
    return places


def run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


async def test_interface_table_and_socket_go_and_others_stay(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This kernel may have no WireGuard: another kind of interface stands for one.
    monkeypatch.setattr(kernel_carrier, "KIND", "bridge")
    for name, alias in (("mesh-home", mark_of(places)), ("other", "meshdht elsewhere")):
        run("ip", "link", "add", name, "type", "bridge")
        run("ip", "link", "set", name, "alias", alias)
    for table in ("meshdht-home", "meshdht-homes"):
        run("nft", "add", "table", "netdev", table)
    places.socket.touch()
    assert await tidy(places, is_anchor=False) == [
        "the interface mesh-home",
        "the nftables table meshdht-home",
        "its socket",
    ]
    links = run("ip", "-o", "link")
    assert "mesh-home" not in links
    assert "other" in links
    assert run("nft", "list", "ruleset") == "table netdev meshdht-homes {\n}\n"
    assert not places.socket.exists()
    assert await tidy(places, is_anchor=False) == []


async def test_an_anchors_table_is_another(places: Places) -> None:
    run("nft", "add", "table", "netdev", "meshdht-home")
    run("nft", "add", "table", "netdev", "meshdht-anchor-home")
    assert await tidy(places, is_anchor=True) == ["the nftables table meshdht-anchor-home"]
    assert run("nft", "list", "ruleset") == "table netdev meshdht-home {\n}\n"


async def test_of_a_daemon_that_runs_nothing_is_removed(places: Places) -> None:
    places.socket.touch()
    with NetworkLock(places), pytest.raises(AlreadyRunning):
        await tidy(places, is_anchor=False)
    assert places.socket.exists()
