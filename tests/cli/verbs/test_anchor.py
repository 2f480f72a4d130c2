"""``meshdht anchor``: the link on a device, the rest on the box."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from meshdht.api import spawn
from meshdht.api.anchor_messages import Anchors, CreateAnchorLink
from meshdht.api.errors import ApiError
from meshdht.api.launch import Anchor, LaunchRequest, Ready
from meshdht.api.router_messages import RouterPort
from meshdht.cli.verbs.anchor import anchor_lines
from tests.api.fake_daemon import ANCHOR, ANCHOR_LINK, VPS, FakeService, serving
from tests.cli.conftest import Meshdht


@pytest.fixture
def _box(runtime_dir: Path) -> Iterator[None]:
    (runtime_dir / "anchors").mkdir()
    with serving(runtime_dir / "anchors" / "anchor.sock"):
        yield


def test_the_link_is_all_there_is_on_stdout(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("anchor", "link") == (0, ANCHOR_LINK + "\n", "")
    assert json.loads(meshdht("anchor", "link", "--json").out) == {
        "version": 1,
        "link": ANCHOR_LINK,
        "expires": 1_790_003_600,
    }
    meshdht("anchor", "link", "--name", "VPS", "--expires", "7d", "--uses", "2")
    assert service.anchor_links[-1] == CreateAnchorLink(name="vps", expires_s=604_800, uses=2)


@pytest.mark.usefixtures("service")
def test_list_names_the_anchors_and_no_device(meshdht: Meshdht) -> None:
    titles, barn, vps = meshdht("anchor", "list").out.splitlines()
    assert titles.split() == ["NAME", "ENDPOINT", "ANSWERED", "ADDED", "BY", "ID"]
    assert barn.split()[:3] == ["barn", "–", "never"]
    assert vps.split()[:2] == ["vps", "203.0.113.9:41820"]
    listed = json.loads(meshdht("anchor", "list", "--json").out)
    assert (listed["version"], listed["network"]) == (1, "home")
    assert [each["name"] for each in listed["anchors"]] == ["barn", "vps"]
    assert VPS.id not in meshdht("devices").out + meshdht("peers").out


def test_an_age_is_told_from_now() -> None:
    known = Anchors(network="home", anchors=(VPS,))
    assert VPS.seen is not None
    assert " 2 h ago " in anchor_lines(known, now=VPS.seen + 7200, on=False)[1]
    assert anchor_lines(Anchors(network="home", anchors=()), now=0, on=False) == []


@pytest.mark.usefixtures("_box")
def test_status_says_what_is_held(meshdht: Meshdht) -> None:
    result = meshdht("anchor", "status")
    assert result.out == (
        "anchor · 12 records held · 4 contacts · 3 dropped · UDP port 41820 · up 2 h\n"
    )
    assert result.err == "not in the network's log yet: no device has answered yet\n"
    held = json.loads(meshdht("anchor", "status", "--json").out)
    assert (held["version"], held["records"], held["dropped"]) == (1, 12, {"junk": 3})


@pytest.mark.usefixtures("_box")
def test_one_that_nobody_reaches_says_how_a_device_behind_a_nat_finds_it(
    meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.api.fake_daemon.ANCHOR", replace(ANCHOR, contacts=0))
    assert meshdht("anchor", "status").err.splitlines()[1:] == [
        "where all devices are behind NATs, tell one of them where this is:"
        " meshdht set anchors=ADDRESS:41820"
    ]


@pytest.mark.usefixtures("_box")
def test_status_says_what_a_router_passes_to_the_anchor(
    meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = RouterPort(gateway="192.168.1.1", outer="25.0.0.1:41820", protocol="PCP", public=True)
    behind = replace(ANCHOR, router_ports=(port,))
    monkeypatch.setattr("tests.api.fake_daemon.ANCHOR", behind)
    said = " · UDP port 41820 · outside 25.0.0.1:41820 by PCP · up 2 h\n"
    assert meshdht("anchor", "status").out.endswith(said)


def test_without_an_anchor_it_says_how_to_run_one(meshdht: Meshdht) -> None:
    assert meshdht("anchor", "status") == (
        1,
        "",
        "meshdht: no anchor 'anchor' runs here\n  try: meshdht anchor up starts it\n",
    )
    assert meshdht("anchor", "down") == (0, "anchor anchor is already down\n", "")


@pytest.mark.usefixtures("_box")
def test_up_does_nothing_where_the_anchor_is_up(meshdht: Meshdht) -> None:
    assert meshdht("anchor", "up") == (0, f"anchor anchor is already up, pid {os.getpid()}\n", "")


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[LaunchRequest]:
    """What is asked of daemons that are not started; a link that says "bad" is refused."""
    asked: list[LaunchRequest] = []

    def launch(request: LaunchRequest, **_: object) -> Ready:
        asked.append(request)
        if isinstance(request.action, Anchor) and request.action.link == "bad":
            raise ApiError("a bad link", exit_code=2)
        return Ready(network="anchor", socket="", device="v" * 32, addresses=())

    monkeypatch.setattr(spawn, "launch", launch)
    # The fake daemon is a thread of this process, whose end nobody can wait for.
    monkeypatch.setattr("meshdht.api.client.peer_credentials", lambda _: SimpleNamespace(pid=0))
    return asked


@pytest.mark.usefixtures("_box")
def test_one_that_runs_is_started_anew_by_another_link(
    meshdht: Meshdht, launches: list[LaunchRequest], tmp_path: Path
) -> None:
    file = tmp_path / "anchor.txt"
    file.write_text(ANCHOR_LINK)
    said = meshdht("anchor", "up", "--link-file", str(file))
    up = f"anchor anchor is up; its id is {'v' * 32}"
    assert said.out.splitlines() == ["anchor anchor is down", up]
    assert [each.action for each in launches] == [Anchor(name="anchor", link=ANCHOR_LINK)]


@pytest.mark.usefixtures("_box")
def test_a_link_of_no_use_leaves_the_anchor_running_as_it_was(
    meshdht: Meshdht, launches: list[LaunchRequest], tmp_path: Path
) -> None:
    file = tmp_path / "anchor.txt"
    file.write_text("bad")
    said = meshdht("anchor", "up", "--link-file", str(file))
    assert (said.code, said.err) == (2, "meshdht: a bad link\n")
    wanted = [Anchor(name="anchor", link="bad"), Anchor(name="anchor")]
    assert [each.action for each in launches] == wanted


@pytest.mark.usefixtures("launches")
def test_forgetting_an_anchor_removes_what_it_held(meshdht: Meshdht, state_dir: Path) -> None:
    held = state_dir / "anchors" / "anchor"
    held.mkdir(parents=True)
    (held / "state.db").write_text("")
    refused = meshdht("anchor", "forget")
    assert (refused.code, held.exists()) == (2, True)
    assert meshdht("anchor", "forget", "--yes").out.splitlines()[-1] == f"removed {held}"
    assert list(held.parent.iterdir()) == []


def test_up_starts_it_in_the_background(
    meshdht: Meshdht, state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[LaunchRequest] = []

    def launch(request: LaunchRequest, **_: object) -> Ready:
        asked.append(request)
        return Ready(network="anchor", socket="", device="v" * 32, addresses=())

    monkeypatch.setattr(spawn, "launch", launch)
    file = tmp_path / "anchor.txt"
    file.write_text(ANCHOR_LINK)
    result = meshdht("anchor", "up", "--link-file", str(file))
    assert result.out == f"anchor anchor is up; its id is {'v' * 32}\n"
    assert asked[0].action == Anchor(name="anchor", link=ANCHOR_LINK)
    assert asked[0].state_dir == str(state_dir / "anchors")


@pytest.mark.usefixtures("_box", "service")
def test_an_anchor_is_not_taken_for_a_network(meshdht: Meshdht) -> None:
    assert json.loads(meshdht("status", "--json").out)["network"] == "home"


def test_run_hands_the_link_over_and_needs_no_root(
    meshdht: Meshdht, state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[LaunchRequest] = []
    monkeypatch.setattr(spawn, "run_in_foreground", asked.append)
    file = tmp_path / "anchor.txt"
    file.write_text(ANCHOR_LINK)
    meshdht("anchor", "run", "--link-file", str(file), "--listen-port", "4242")
    meshdht("anchor", "run", "--network", "friends")
    first, second = asked
    assert first.action == Anchor(name="anchor", link=ANCHOR_LINK, listen_port=4242)
    assert second.action == Anchor(name="friends")
    assert first.state_dir == str(state_dir / "anchors")
    assert ANCHOR_LINK not in repr(first)


def test_a_link_file_that_is_not_there_is_a_usage_error(meshdht: Meshdht) -> None:
    result = meshdht("anchor", "run", "--link-file", "/nowhere/link")
    assert (result.code, result.out) == (2, "")
    assert "cannot read the link from /nowhere/link" in result.err
