"""What users type, understood or refused before anything starts."""

from __future__ import annotations

import socket

import click
import pytest

from meshdht.api.errors import ApiError
from meshdht.cli.values import (
    duration,
    duration_or_never,
    host_label,
    invite_id,
    label,
    mesh_range,
    peer_name,
    port,
    seconds,
    tag,
    whole,
)


@pytest.mark.parametrize("text", ["a", "nas", "NAS-2", "n" * 63, "0"])
def test_a_dns_label_is_taken_in_lower_case(text: str) -> None:
    assert label(text) == text.lower()


@pytest.mark.parametrize(
    "text", ["", "n" * 64, "-nas", "nas-", "nas.home", "nas box", "näs", "n\n"]
)
def test_what_is_no_dns_label_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not a DNS label"):
        label(text)


@pytest.mark.parametrize(
    ("text", "length_s"),
    [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604800), ("2w", 1209600)],
)
def test_a_duration_is_read_as_seconds(text: str, length_s: int) -> None:
    assert duration(text) == length_s


@pytest.mark.parametrize("text", ["", "0", "0s", "-1h", "1.5h", "1y", "367d", "h", "1 h", "1h\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not a duration"):
        duration(text)


def test_a_range_is_an_ipv4_network_without_host_bits() -> None:
    assert mesh_range("10.77.0.0/16") == "10.77.0.0/16"
    for text in ("10.77.0.1/16", "fd00::/48", "10.77.0.0/33", "home"):
        with pytest.raises(click.BadParameter, match="not an IPv4 range"):
            mesh_range(text)


def test_a_device_is_called_as_its_machine_where_that_is_possible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "NAS.example.org")
    assert host_label() == "nas"
    monkeypatch.setattr(socket, "gethostname", lambda: "my_box")
    with pytest.raises(ApiError, match="my_box") as caught:
        host_label()
    assert caught.value.hint == "choose one: --name nas"


@pytest.mark.parametrize("text", ["0", "65536", "-1", "x", "", "1.5", "9" * 5000, "１"])
def test_what_is_no_whole_number_of_the_range_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not a whole number from 1 to 65535"):
        port(text)


def test_a_port_is_a_whole_number() -> None:
    assert [port("1"), port("65535"), whole(1, 10)(10)] == [1, 65535, 10]


def test_seconds_may_have_parts_and_have_an_end() -> None:
    wait = seconds(0.1, 300)
    assert [wait("0.1"), wait("300"), wait(5.0)] == [0.1, 300, 5]
    for text in ("0", "301", "nan", "inf", "abc", ""):
        with pytest.raises(click.BadParameter, match="not a number of seconds"):
            wait(text)


def test_a_peers_name_is_something() -> None:
    assert peer_name(" nas ") == "nas"
    for text in ("", "  ", "n" * 256):
        with pytest.raises(click.BadParameter, match="empty or too long"):
            peer_name(text)


def test_a_tag_is_a_short_label() -> None:
    assert tag("Home") == "home"
    for text in ("", "no_tag", "-a", "x" * 33):
        with pytest.raises(click.BadParameter, match="is not a tag"):
            tag(text)


def test_never_is_a_duration_where_that_makes_sense() -> None:
    assert duration_or_never("never") is None
    assert duration_or_never("2h") == 7200
    with pytest.raises(click.BadParameter):
        duration_or_never("ever")


def test_an_invite_is_named_by_hex_digits() -> None:
    assert invite_id("5F3A") == "5f3a"
    for text in ("", "laptop", "0" * 65):
        with pytest.raises(click.BadParameter, match="meshdht invites"):
            invite_id(text)
