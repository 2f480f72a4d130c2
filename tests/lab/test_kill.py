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
from meshdht.lab.world import World
from tests.lab.homes import connect, eventually, everyone_reaches_everyone, public

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
