"""kill -9 at any moment: no sequence comes twice, nothing that was accepted is lost.

Twenty rounds in one world; MESHDHT_KILL_ROUNDS=200 for more.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from dataclasses import dataclass

import pytest

from meshdht.lab.device import Device
from meshdht.lab.host import Host
from meshdht.lab.world import World
from tests.lab.homes import connect, eventually, everyone_reaches_everyone, public
from tests.lab.relays import configure
from tests.lab.resolvers import resolve_by_resolvconf

ROUNDS = int(os.environ.get("MESHDHT_KILL_ROUNDS", "20"))
READ = """
import json, sqlite3
database = sqlite3.connect("/var/lib/meshdht/home/state.db")
rows = lambda sql: [list(row) for row in database.execute(sql)]
print(json.dumps([
    rows("SELECT sequence FROM own_sequence"),
    rows("SELECT hex(hash) FROM statements"),
    rows("SELECT hex(key), sequence FROM dht_values"),
    rows("SELECT hex(device), sequence FROM high_water"),
]))
"""

MACHINE = """
ip -o link; ip -o addr; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule
nft list ruleset; cat /etc/resolv.conf; ss -Hlntu; find /run/meshdht -type s 2>/dev/null
"""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What state.db holds while no daemon runs."""

    own_sequence: int
    statements: frozenset[str]
    values: dict[str, int]
    marks: dict[str, int]


def read(device: Device) -> OnDisk:
    sequence, statements, values, marks = json.loads(
        device.host.run([sys.executable, "-c", READ]).stdout
    )
    hashes = frozenset(each for (each,) in statements)
    return OnDisk(sequence[0][0], hashes, dict(values), dict(marks))


def is_kept(old: dict[str, int], new: dict[str, int]) -> bool:
    return all(new.get(key, 0) >= sequence for key, sequence in old.items())


@pytest.mark.timeout(60 + 6 * ROUNDS)
def test_a_daemon_killed_at_any_moment_loses_nothing_and_repeats_no_sequence(world: World) -> None:
    internet = world.switch("internet")
    nas, vps = public(world, internet, "nas", 2), public(world, internet, "vps", 3)
    connect(nas, vps)
    everyone_reaches_everyone(nas, vps)
    moments = random.Random(5)
    acknowledged = 0
    nas.host.kill_everything()
    before = read(nas)
    for _ in range(ROUNDS):
        nas.must("up")
        if moments.random() < 0.5:
            nas.invite("somebody")
            acknowledged += 1
        time.sleep(moments.uniform(0.0, 0.6))
        nas.host.kill_everything()
        now = read(nas)
        # Its record is written anew at each start: by a sequence that was never given before.
        assert now.own_sequence >= before.own_sequence
        assert now.statements >= before.statements
        assert is_kept(before.values, now.values)
        assert is_kept(before.marks, now.marks)
        before = now
    # Genesis, the invite of the vps, its admission.
    assert len(before.statements) >= 3 + acknowledged
    assert acknowledged > ROUNDS // 4
    nas.must("up")
    assert eventually(lambda: nas.reaches(vps.addresses()[0]) is not None)


def machine(host: Host) -> str:
    """All that a daemon may change around it."""
    return host.run(["sh", "-c", MACHINE], check=False).stdout


def kill(host: Host, directory: str) -> None:
    """SIGKILL for a daemon alone, and not for what it has started."""
    host.run(["sh", "-c", f"kill -KILL $(cat /var/lib/meshdht/{directory}/lock)"])


def test_down_after_kill_9_leaves_the_machine_as_it_was_before_up(world: World) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    resolve_by_resolvconf(nas.host, "203.0.113.9", "openresolv")
    before = machine(nas.host)
    nas.init("home")
    nas.must("down")
    configure(nas, 'relay = "on"')
    assert machine(nas.host) == before
    for goes_up_again in (False, True):
        nas.must("up")
        up = machine(nas.host)
        assert "table netdev meshdht-home" in up
        assert "search home.internal" in up
        kill(nas.host, "home")
        if goes_up_again:
            nas.must("up")
            assert nas.must("down") == "network home is down\n"
        else:
            assert nas.must("down") == "network home is down; its daemon had been killed\n"
        assert machine(nas.host) == before
        assert nas.must("down") == "network home is already down\n"


def test_a_relay_no_more_after_kill_9_has_no_table_either(world: World) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    nas.init("home")
    kill(nas.host, "home")
    assert "table netdev" in machine(nas.host)
    configure(nas, 'relay = "off"')
    nas.must("up")
    assert "table netdev" not in machine(nas.host)


def test_so_does_anchor_down(world: World) -> None:
    nas = public(world, world.switch("internet"), "nas", 2)
    nas.init("home")
    before = machine(nas.host)
    nas.must("anchor", "up", "--link-file", "-", input=nas.must("anchor", "link"))
    assert "table netdev meshdht-anchor-anchor" in machine(nas.host)
    kill(nas.host, "anchors/anchor")
    said = nas.meshdht("anchor", "down")
    assert said.stdout == "anchor anchor is down; its daemon had been killed\n"
    assert said.stderr == (
        "removed what that left: the nftables table meshdht-anchor-anchor, its socket\n"
    )
    assert machine(nas.host) == before
