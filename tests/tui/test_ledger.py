"""What is known at an instant: ages that grow, rates that settle."""

from __future__ import annotations

from collections import deque

import pytest
from meshdht_tui.charts import LOST
from meshdht_tui.ledger import HISTORY, Ledger
from msgspec.structs import replace

from meshdht.api.errors import NoDaemon
from meshdht.api.messages import PeerChanged, PeerRemoved, Snapshot, StatusChanged
from meshdht.api.recent_messages import Recent, RecentPeer
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.take(Snapshot(STATUS), 100.0)
    return ledger


def test_ages_grow_with_the_clock_since_they_were_told(ledger: Ledger) -> None:
    assert ledger.handshake_age_s(LAPTOP, 105.0) == 17.0
    assert ledger.handshake_age_s(ATTIC, 105.0) is None
    assert ledger.uptime_s(110.0) == 7510.0
    ledger.take(PeerChanged(replace(LAPTOP, handshake_age_s=0.0)), 106.0)
    assert ledger.handshake_age_s(ledger.peers[1], 107.0) == 1.0


def test_a_rate_is_bytes_over_the_last_seconds(ledger: Ledger) -> None:
    assert ledger.rates(LAPTOP) == (0.0, 0.0)
    peer = LAPTOP
    for second in range(1, 6):
        peer = replace(peer, rx_bytes=peer.rx_bytes + 3000, tx_bytes=peer.tx_bytes + 50)
        ledger.take(PeerChanged(peer), 100.0 + second)
        ledger.tick(100.0 + second)
    assert ledger.rates(peer) == (3000.0, 50.0)
    for second in range(6, 10):
        ledger.tick(100.0 + second)
    assert ledger.rates(peer) == (0.0, 0.0)


def test_a_counter_that_starts_again_is_no_negative_rate(ledger: Ledger) -> None:
    ledger.tick(101.0)
    reset = replace(LAPTOP, rx_bytes=0, tx_bytes=0)
    ledger.take(PeerChanged(reset), 101.5)
    ledger.tick(102.0)
    assert ledger.rates(reset) == (0.0, 0.0)


def test_a_slow_clock_still_gives_a_rate(ledger: Ledger) -> None:
    grown = replace(LAPTOP, rx_bytes=LAPTOP.rx_bytes + 6000)
    ledger.take(PeerChanged(grown), 110.0)
    ledger.tick(110.0)
    assert ledger.rates(grown)[0] == 600.0


def test_peers_come_change_and_go(ledger: Ledger) -> None:
    shed = replace(ATTIC, id="s" * 32, name="shed")
    ledger.take(PeerChanged(shed), 101.0)
    ledger.take(PeerRemoved(PHONE.id), 102.0)
    assert [peer.name for peer in ledger.peers] == ["laptop", "attic", "shed"]
    ledger.tick(103.0)
    ledger.take(
        StatusChanged(
            engine="kernel", device=STATUS.device, uptime_s=1.0, listen_port=7, dropped={}
        ),
        104.0,
    )
    assert ledger.status is not None
    assert ledger.status.engine == "kernel"


def test_what_was_known_stays_when_the_daemon_goes(ledger: Ledger) -> None:
    ledger.lose(NoDaemon("network 'home' is not up"))
    assert not ledger.connected
    assert len(ledger.peers) == 3
    ledger.tick(200.0)
    ledger.take(Snapshot(STATUS), 201.0)
    assert ledger.connected


def test_an_event_before_the_first_snapshot_is_nothing() -> None:
    ledger = Ledger()
    ledger.take(PeerChanged(LAPTOP), 1.0)
    assert ledger.peers == ()


def test_a_round_trip_is_noted_when_it_was_measured_anew(ledger: Ledger) -> None:
    grown = replace(LAPTOP, rx_bytes=LAPTOP.rx_bytes + 1)
    ledger.take(PeerChanged(grown), 101.0)
    ledger.take(PeerChanged(replace(grown, rtt_ms=9.0)), 102.0)
    ledger.measured(LAPTOP, 9.0)
    assert list(ledger.trail(LAPTOP).rtt_ms) == [7.25, 9.0, 9.0]


def test_a_share_of_losses_that_grows_is_a_probe_that_was_not_answered(ledger: Ledger) -> None:
    for loss in (0.1, 0.2, 0.2, 0.1, None, 0.3):
        ledger.take(PeerChanged(replace(LAPTOP, loss=loss)), 101.0)
    ledger.take(PeerChanged(replace(LAPTOP, loss=0.4, rtt_ms=9.0)), 102.0)
    assert ledger.trail(LAPTOP).rtt_ms == deque([7.25, LOST, LOST, 9.0])


def test_what_the_daemon_remembers_comes_before_what_was_seen(ledger: Ledger) -> None:
    past = RecentPeer(
        id=LAPTOP.id,
        traffic_ago_s=(6, 3, 0),
        received=(900, 300, 5),
        sent=(90, 0, 0),
        probed_ago_s=(50, 25, 0),
        rtt_ms=(6.0, None, 7.25),
    )
    ledger.tick(101.0)
    ledger.recall(Recent(network="home", peers=(past, replace(past, id="nobody"))))
    trail = ledger.trail(LAPTOP)
    # The second that passed since was looked at here: nothing was carried in it.
    assert list(trail.received) == [300, 300, 300, 100, 100, 100, 0]
    assert list(trail.sent) == [30, 30, 30, 0, 0, 0, 0]
    assert trail.rtt_ms == deque([6.0, LOST, 7.25])
    assert ledger.rates(LAPTOP) == (0.0, 0.0)
    assert list(ledger.trail(PHONE).received) == [0]


def test_of_a_longer_past_the_latest_is_shown(ledger: Ledger) -> None:
    ages = tuple(range(2 * HISTORY, 0, -1))
    past = RecentPeer(
        id=LAPTOP.id,
        traffic_ago_s=ages,
        received=ages,
        sent=ages,
        probed_ago_s=ages,
        rtt_ms=tuple(map(float, ages)),
    )
    ledger.recall(Recent(network="home", peers=(past,)))
    trail = ledger.trail(LAPTOP)
    assert len(trail.received) == len(trail.rtt_ms) == HISTORY
    assert list(trail.rtt_ms)[-3:] == [2.0, 1.0, 7.25]


def test_a_peer_is_known_by_its_id(ledger: Ledger) -> None:
    assert ledger.peer(LAPTOP.id) == LAPTOP
    assert ledger.peer("nobody") is None
    ledger.measured(replace(LAPTOP, id="nobody"), 1.0)
