"""What users type, understood or refused before anything starts."""

from __future__ import annotations

import socket

import click
import pytest

from meshdht.api.errors import ApiError
from meshdht.cli.values import duration, host_label, label, mesh_range


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
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604800), ("2w", 1209600)],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: int) -> None:
    assert duration(text) == seconds


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
