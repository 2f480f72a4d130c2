"""A status as Prometheus reads it."""

from __future__ import annotations

import re

from hypothesis import given
from msgspec.structs import replace

from meshdht.api.messages import Status
from meshdht.api.metrics import metrics_text
from tests.api.fake_daemon import LAPTOP, PHONE, STATUS
from tests.api.strategies import statuses

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9][0-9.e+-]*)\n")
COMMENT = re.compile(rf"# (HELP|TYPE) ({NAME}) ([^\n]+)\n")


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and labels; fails on a line that is not of the format."""
    found: dict[str, float] = {}
    kind = ""
    for line in (each + "\n" for each in text.split("\n")[:-1]):
        if comment := COMMENT.fullmatch(line):
            kind = comment[2]
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample is not None, line
        assert sample[1] == kind, "a sample of another family than the one that was announced"
        name = sample[1] + (f"{{{sample[2]}}}" if sample[2] else "")
        assert name not in found, f"{name} twice"
        found[name] = float(sample[3])
    return found


def test_peers_are_counted_and_named() -> None:
    found = samples(metrics_text(STATUS))
    assert found["meshdht_peers"] == 3
    assert found["meshdht_peers_online"] == 2
    assert found['meshdht_peer_online{peer="attic"}'] == 0
    assert found['meshdht_peer_path{peer="phone",kind="relay"}'] == 1
    assert found['meshdht_peer_rtt_seconds{peer="laptop"}'] == 0.00725
    assert 'meshdht_peer_rtt_seconds{peer="attic"}' not in found
    assert found['meshdht_peer_received_bytes_total{peer="laptop"}'] == 1_468_006
    assert found['meshdht_dropped_total{reason="not for us"}'] == 3
    info = 'meshdht_info{network="home",device="nas",version="0.1.0",engine="embedded"}'
    assert found[info] == 1


def test_a_peers_release_is_told_once_it_is_known() -> None:
    peers = (replace(LAPTOP, release="0.2.0"), PHONE)
    found = samples(metrics_text(replace(STATUS, peers=peers)))
    assert [each for each in found if "peer_info" in each] == [
        'meshdht_peer_info{peer="laptop",version="0.2.0"}'
    ]


def test_what_is_in_a_label_stays_in_it() -> None:
    bad = replace(LAPTOP, name='x"} 1\nmeshdht_peers 99\\')
    text = metrics_text(replace(STATUS, peers=(bad,)))
    assert samples(text)["meshdht_peers"] == 1
    assert r"x\"} 1\nmeshdht_peers 99\\" in text


@given(statuses)
def test_every_status_has_the_format(status: Status) -> None:
    unique = {peer.name: peer for peer in status.peers}
    for line in metrics_text(replace(status, peers=tuple(unique.values()))).split("\n")[:-1]:
        assert COMMENT.fullmatch(line + "\n") or SAMPLE.fullmatch(line + "\n"), line
