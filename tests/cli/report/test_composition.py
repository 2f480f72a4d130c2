"""A report has what helps, and nothing that tells who and where."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from meshdht.cli.report.composition import LOG_LINES_MAX, Facts, compose
from tests.api.fake_daemon import DIAGNOSIS, LINK, SETTINGS, STATUS

LOG = (
    f"2026-11-27 17:31:29,123 INFO meshdht.daemon.daemon: up as {'n7' * 16} on UDP port 51820",
    f"2026-11-27 17:31:30,001 WARNING meshdht.daemon: {LINK} from 198.51.100.77:4242 is bad",
    "2026-11-27 17:31:31,001 ERROR meshdht: zanzibar's printer of mallory, in /srv, is on fire",
)


def facts(**changes: Any) -> Facts:
    told: dict[str, Any] = {
        "release": "0.1.0",
        "python": "3.12.1",
        "system": "Debian GNU/Linux 12",
        "kernel": "6.1.0-zanzibar",
        "machine": "x86_64, 2 processors",
        "diagnosis": DIAGNOSIS,
        "status": STATUS,
        "settings": SETTINGS,
        "log": LOG,
        "names": {"user": ["mallory"]},
    }
    return Facts(**{**told, **changes})


def test_what_helps_is_there() -> None:
    report = compose(facts())
    assert "- meshdht 0.1.0, Python 3.12.1\n- Debian GNU/Linux 12, Linux 6.1.0, x86_64" in report
    assert "- problem: firewall: the firewall lets no new UDP packet in to port 41820" in report
    assert '"engine": "embedded"' in report
    assert '"rx_bytes": 1468006' in report
    assert '"kind": "relay"' in report
    assert "INFO meshdht.daemon.daemon: up as <key-" in report


def test_who_and_where_is_not() -> None:
    report = compose(facts())
    told = [STATUS.device.name, STATUS.device.id, *STATUS.device.addresses]
    for peer in STATUS.peers:
        told += [
            peer.name,
            peer.id,
            *peer.addresses,
            peer.path.endpoint or "",
            peer.path.relay or "",
        ]
    told += [
        "vps.example",
        LINK,
        LINK[20:40],
        "198.51.100.77",
        "4242",
        "mallory",
        "zanzibar",
        "n7n7",
    ]
    said = report.lower()
    # Words that are the program's own as well stand in the texts around.
    own = {"phone", "laptop", "vps", ""}
    assert [each for each in told if each.lower() in said and each not in own] == []


def test_a_relay_is_redacted_like_the_device_that_it_is() -> None:
    relayed = replace(STATUS, peers=tuple(replace(peer, name="zulu") for peer in STATUS.peers[:1]))
    assert "zulu" not in compose(facts(status=relayed))


def test_a_long_log_is_cut_to_its_end() -> None:
    lines = [f"INFO number {number}" for number in range(LOG_LINES_MAX + 5)]
    report = compose(facts(log=lines))
    assert "number 4\n" not in report
    assert f"number {LOG_LINES_MAX + 4}\n" in report


def test_what_could_not_be_had_is_told() -> None:
    report = compose(facts(status=None, settings=None, log=(), notes=["the log: it is for root"]))
    assert "- missing: the log: it is for root" in report
    assert "## Status" not in report
