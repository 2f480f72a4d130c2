"""Counting who knows: while it grows, until it is over or the user has seen enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from meshdht.api.client import Client
from meshdht.api.removal_messages import Spread
from meshdht.cli import spreading
from meshdht.cli.spreading import count_text, follow, say_spread
from tests.api.fake_administration import SPREAD
from tests.api.fake_daemon import FakeService

WAITING = replace(SPREAD, know=0, took_s=0.0, waiting=("laptop", "phone"))


def test_it_is_followed_until_all_connected_devices_know(
    socket_path: Path, service: FakeService
) -> None:
    with Client(socket_path) as daemon:
        assert follow(daemon, WAITING, wait=True) == SPREAD
    assert len(service.administration.spreads) == 2


def test_ctrl_c_ends_the_count_and_nothing_else(
    socket_path: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("meshdht.cli.spreading.time.sleep", interrupt)
    with Client(socket_path) as daemon:
        assert follow(daemon, WAITING, wait=True) == WAITING
    assert service.administration.spreads == []


@pytest.mark.usefixtures("service")
def test_a_device_that_never_answers_is_not_waited_for_without_end(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "FOLLOW_S", 0.0)
    with Client(socket_path) as daemon:
        assert follow(daemon, WAITING, wait=True) == WAITING


@pytest.mark.parametrize(
    ("spread", "text"),
    [
        (SPREAD, "2 of 3 devices know (0.2 s)"),
        (WAITING, "0 of 3 devices know"),
        (replace(SPREAD, devices=1, know=1), "1 of 1 device knows (0.2 s)"),
    ],
)
def test_the_count_in_words(spread: Spread, text: str) -> None:
    assert count_text(spread) == text


def test_who_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    say_spread(replace(SPREAD, offline=("tv", "phone"), elsewhere=7))
    said = capsys.readouterr()
    assert said.out == "2 of 3 devices know (0.2 s)\n"
    assert (
        said.err == "will learn when they come back: tv, phone\ntold by their neighbours: 7 more\n"
    )


def test_a_device_that_is_alone_counts_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    say_spread(Spread(generation=2, devices=0, know=0, took_s=0.0))
    assert capsys.readouterr() == ("", "")
