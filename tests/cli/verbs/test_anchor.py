"""``meshdht anchor``: the link on a device, the rest on the box."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshdht.api import spawn
from meshdht.api.launch import Anchor, LaunchRequest
from tests.api.fake_daemon import ANCHOR_LINK, serving
from tests.cli.conftest import Meshdht


@pytest.fixture
def _box(runtime_dir: Path) -> Iterator[None]:
    (runtime_dir / "anchors").mkdir()
    with serving(runtime_dir / "anchors" / "anchor.sock"):
        yield


@pytest.mark.usefixtures("service")
def test_the_link_is_all_there_is_on_stdout(meshdht: Meshdht) -> None:
    assert meshdht("anchor", "link") == (0, ANCHOR_LINK + "\n", "")
    assert json.loads(meshdht("anchor", "link", "--json").out) == {
        "version": 1,
        "link": ANCHOR_LINK,
    }


@pytest.mark.usefixtures("_box")
def test_status_says_what_is_held(meshdht: Meshdht) -> None:
    result = meshdht("anchor", "status")
    assert result.out == (
        "anchor · 12 records held · 4 contacts · 3 dropped · UDP port 41820 · up 2 h\n"
    )
    held = json.loads(meshdht("anchor", "status", "--json").out)
    assert (held["version"], held["records"], held["dropped"]) == (1, 12, {"junk": 3})


def test_without_an_anchor_it_says_how_to_run_one(meshdht: Meshdht) -> None:
    for verb in ("status", "down"):
        assert meshdht("anchor", verb) == (
            1,
            "",
            "meshdht: no anchor 'anchor' runs here\n  try: meshdht anchor run --link-file FILE\n",
        )


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
