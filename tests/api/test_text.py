"""Units and paths in words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshdht.api.messages import PeerPath
from meshdht.api.name_messages import Means, NamesStatus
from meshdht.api.router_messages import RouterPort
from meshdht.api.text import (
    ipv4_first,
    link_text,
    moment_text,
    names_text,
    path_text,
    router_text,
    rtt_text,
    size_text,
    span_text,
)
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (1024, "1.0 KiB"),
        (350_208, "342 KiB"),
        (1_468_006, "1.4 MiB"),
        (10 * 2**30, "10 GiB"),
        (5 * 2**50, "5120 TiB"),
    ],
)
def test_sizes_have_binary_units(count: int, text: str) -> None:
    assert size_text(count) == text


@given(st.integers(0, 999 * 2**40))
def test_a_size_fits_a_narrow_column(count: int) -> None:
    assert len(size_text(count)) <= 7


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, "–"), (0.416, "0.42 ms"), (7.25, "7.2 ms"), (99.96, "100 ms"), (210.4, "210 ms")],
)
def test_round_trips_keep_two_or_three_digits(milliseconds: float | None, text: str) -> None:
    assert rtt_text(milliseconds) == text


def test_paths_name_their_endpoint_or_relay() -> None:
    assert path_text(LAPTOP.path) == "direct 192.0.2.7:51820"
    assert path_text(PHONE.path) == "relay vps"
    assert path_text(PeerPath(kind="relay")) == "relay"
    assert path_text(PeerPath(kind="lan")) == "lan"
    assert path_text(PeerPath()) == "–"


def test_a_path_that_bears_less_than_the_tunnel_says_so() -> None:
    assert path_text(replace(LAPTOP.path, mtu=1328)) == "direct 192.0.2.7:51820, MTU 1328"


def test_a_peer_that_is_away_is_said_to_be() -> None:
    assert link_text(ATTIC) == "offline"
    assert link_text(PHONE) == "relay vps"


def test_the_ipv4_address_comes_first_where_there_is_one() -> None:
    assert ipv4_first(("fd00::1", "10.0.0.1")) == "10.0.0.1"
    assert ipv4_first(("fd00::1",)) == "fd00::1"
    assert ipv4_first(()) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (700.0, "12 minutes"),
        (3570.0, "1 hour"),
        (3 * 3600.0, "3 hours"),
        (86399.0, "1 day"),
        (86400.0, "1 day"),
        (21 * 86400.0, "21 days"),
        (365 * 86400.0, "365 days"),
        (1_767_225_600.0, "56 years"),
    ],
)
def test_spans_are_rounded_to_one_unit(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


def test_a_moment_is_told_by_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert moment_text(1_790_000_000) == "2026-09-21 14:13"
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("unix", [None, 2.0**64, 1e300])
def test_a_moment_that_no_calendar_has_is_a_dash(unix: float | None) -> None:
    assert moment_text(unix) == "–"


@pytest.mark.parametrize(
    ("port", "text"),
    [
        (RouterPort(gateway="192.0.2.1", trouble="not authorised"), ""),
        (
            RouterPort(gateway="192.0.2.1", outer="25.0.0.1:9", protocol="PCP", public=True),
            "outside 25.0.0.1:9 by PCP",
        ),
        (
            RouterPort(gateway="192.0.2.1", outer="10.0.0.7:9", protocol="UPnP"),
            "outside 10.0.0.7:9 by UPnP, behind another NAT",
        ),
    ],
)
def test_what_a_router_passes_on_is_told_once_it_does(port: RouterPort, text: str) -> None:
    assert router_text(port) == text


@pytest.mark.parametrize(
    ("means", "text"),
    [
        ("systemd-resolved", "*.home.internal by systemd-resolved"),
        ("resolv.conf", "*.home.internal by resolv.conf"),
        ("none", ""),
        ("off", ""),
    ],
)
def test_names_say_by_what_they_resolve(means: Means, text: str) -> None:
    assert names_text(NamesStatus(zone="home.internal", means=means)) == text
