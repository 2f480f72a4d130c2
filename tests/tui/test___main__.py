"""The view as a process of its own: it works in a terminal, starts quickly and costs little."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.api.fake_daemon import LAPTOP, STATUS, serving
from tests.tui.terminal import terminal

ROUNDS = 3
# Against a bare application of Textual's, measured in turns, so that a busy machine slows both.
RATIO_MAX = 2.0
PEERS = 200
WATCHED_S = 6.0
# Of one core, while a tenth of the peers have traffic.
SHARE_MAX = 0.06
BARE = """
from textual.app import App
from textual.widgets import DataTable, Footer, Static

class Bare(App):
    def compose(self):
        yield Static("a bare application")
        yield DataTable()
        yield Footer()

Bare().run()
"""


def view(socket_path: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "meshdht_tui", str(socket_path)]


def test_it_watches_the_daemon_of_a_socket_until_q(socket_path: Path) -> None:
    with serving(socket_path), terminal(view(socket_path)) as seen:
        seen.until(b"of 3 online")
        seen.type("q")
        assert seen.process.wait(30) == 0


@pytest.mark.alone
def test_it_starts_little_later_than_a_bare_application(
    socket_path: Path, number: Callable[[str], None]
) -> None:
    ours, bare = [], []
    with serving(socket_path):
        for _ in range(ROUNDS):
            with terminal(view(socket_path)) as seen:
                ours.append(seen.until(b"of 3 online"))
            with terminal([sys.executable, "-c", BARE]) as seen:
                bare.append(seen.until(b"a bare application"))
    ratio = min(ours) / min(bare)
    number(
        f"live view: {min(ours) * 1000:.0f} ms until its peers are seen, a bare application of"
        f" Textual's {min(bare) * 1000:.0f} ms: {ratio:.2f} ×"
    )
    assert ratio < RATIO_MAX


@pytest.mark.alone
def test_two_hundred_peers_cost_little(socket_path: Path, number: Callable[[str], None]) -> None:
    many = tuple(
        replace(LAPTOP, id=f"{n:032}", name=f"box-{n:03}", rtt_ms=5.0 + n) for n in range(PEERS)
    )
    with serving(socket_path, replace(STATUS, peers=many)) as service:
        with terminal(view(socket_path)) as seen:
            seen.until(b"of 200 online")
            time.sleep(1.0)
            before, began = seen.cpu_s(), time.perf_counter()
            while (passed := time.perf_counter() - began) < WATCHED_S:
                grown = [
                    replace(each, rx_bytes=each.rx_bytes + int(passed * 100_000))
                    for each in many[:: PEERS // 20]
                ]
                service.snapshot = replace(
                    service.snapshot,
                    peers=tuple({p.id: p for p in (*service.snapshot.peers, *grown)}.values()),
                )
                time.sleep(1.0)
            share = (seen.cpu_s() - before) / (time.perf_counter() - began)
    number(f"live view: {share:.1%} of a core with {PEERS} peers, a tenth of them busy")
    assert share < SHARE_MAX
