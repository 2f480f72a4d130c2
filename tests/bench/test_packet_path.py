"""The packet-path benchmark counts what it says, and hides no failure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.lab.process import LabError
from meshdht.lab.world import World
from tests.bench.packet_path import __main__ as command
from tests.bench.packet_path import datagrams, install, measure, rekey
from tests.bench.packet_path.ends import Veth
from tests.bench.packet_path.suite import KINDS, OURS, ROWS, Kind, Round
from tests.bench.packet_path.table import Results, failures, median, medians, number, ratios, table

PORT = 47331


def test_a_median_is_of_the_numbers_and_a_failure_shows_where_there_is_none() -> None:
    assert median([3.0, "failed: no server", 1.0, 2.0]) == 2.0
    assert median(["failed: no server", "failed: later"]) == "failed: no server"
    assert median([]) == "-"
    rounds: list[Results] = [{"a": 1.0, "b": "failed: x"}, {"a": 3.0, "c": 5.0}]
    assert medians(rounds) == {"a": 2.0, "b": "failed: x", "c": 5.0}


def test_a_ratio_needs_both_numbers() -> None:
    of: Results = {"a": 6.0, "b": "failed: x", "c": 1.0, "d": 1.0}
    assert ratios(of, {"a": 3.0, "b": 1.0, "c": "failed: y", "d": 0.0}) == {"a": 2.0}


def test_a_failure_of_one_round_is_told_though_the_median_has_a_number() -> None:
    rounds: list[Results] = [{"a": 1.0, "b": 2.0}, {"a": "failed: x", "b": "failed: x"}]
    rounds.append({"a": 3.0, "b": "failed: y"})
    assert failures("ours", rounds) == [
        "ours, round 2, every row: failed: x",
        "ours, round 3, b: failed: y",
    ]
    assert medians(rounds) == {"a": 2.0, "b": 2.0}


def test_a_table_has_a_line_a_row() -> None:
    columns: dict[str, Results] = {
        "one": {"speed": 0.51234, "size": 1234.5},
        "other": {"speed": "failed: no tunnel"},
    }
    assert table(["speed", "size"], columns).splitlines() == [
        "         one   other",
        "speed  0.512  failed",
        "size    1234       -",
    ]
    assert [number(each) for each in (17.123, 0.0405, 100.6, 0.0)] == ["17.1", "0.0405", "101", "0"]


def test_the_receivers_count_is_what_counts_in_both_ways() -> None:
    one_way = {"end": {"sum_sent": {"bits_per_second": 9e9}}}
    one_way["end"]["sum_received"] = {"bits_per_second": 2e9}
    assert measure.received_gbit(one_way) == (2.0, 0.0)
    one_way["end"]["sum_received_bidir_reverse"] = {"bits_per_second": 1e9}
    assert measure.received_gbit(one_way) == (2.0, 1.0)


def test_the_median_ping_is_of_the_answers() -> None:
    said = "\n".join(
        f"64 bytes from 10.0.0.2: icmp_seq={n} ttl=64 time={n}.5 ms" for n in (1, 9, 2)
    )
    assert measure.median_ping_ms(said) == 2.5
    with pytest.raises(LabError, match="no ping was answered"):
        measure.median_ping_ms("1 packets transmitted, 0 received")


def test_rekeys_are_told_beside_the_same_run_without() -> None:
    plain, rekeying = rekey.Run([1.0, 1.0, 1.0, 1.0], 0), rekey.Run([1.0, 0.4, 1.0, 1.0], 3)
    said = rekey.told(6, [(plain, rekeying)])
    assert said.startswith("rekey: 3 in 6 s: 0.85 Gbit/s against 1 without, 15.0% lost")
    assert said.endswith("under half the run's median: 1 times 100 ms against 0 without")


def test_the_command_line_chooses_families_and_refuses_unknown_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = command.arguments(["--quick", "--only", "veth,ours"])
    assert [kind.name for kind in command.chosen(asked)] == ["veth", OURS]
    assert (asked.rounds, asked.seconds) == (1, 1)
    assert {kind.peers for kind in command.chosen(command.arguments([]))} == {1, 10, 200}
    with pytest.raises(SystemExit) as ended:
        command.arguments(["--only", "carrier-pigeon"])
    assert ended.value.code == 2
    assert "no such kind: carrier-pigeon" in capsys.readouterr().err


def test_a_missing_program_fails_every_row_with_its_name() -> None:
    pigeon = Round(Kind("pigeon", "pigeon", Veth, ("carrier-pigeon",)), 1, quick=True)
    pigeon.run()
    assert pigeon.results == dict.fromkeys(ROWS, "failed: carrier-pigeon is not installed")


def test_every_datagram_is_counted_once_and_sent_at_the_asked_pace() -> None:
    argv = [sys.executable, "-m", measure.PROCESS_MODULE, "receive", "127.0.0.1", str(PORT)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == "ready\n"
        sent, seconds = datagrams.send("127.0.0.1", PORT, 64, 5000, 0.2)
        count, lasted = receiver.stdout.readline().split()
        receiver.kill()
    assert int(count) == sent
    assert 0 < sent <= 1001
    assert float(lasted) <= seconds


def test_a_package_finds_services_forbidden_while_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    policy = tmp_path / "policy-rc.d"
    seen = []

    def run(argv: list[str], **options: object) -> None:
        seen.append((argv[0], policy.exists()))

    monkeypatch.setattr(install, "POLICY", policy)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(shutil, "which", {"systemctl": "there", "wg": "there"}.get)
    assert "wireguard-tools" not in (names := install.missing())
    assert "tinc" in names
    install.packages(["tinc"])
    assert seen == [("apt-get", True), ("systemctl", False)]
    install.packages([])
    assert len(seen) == 2


@pytest.mark.lab
def test_a_quick_round_of_ours_gives_a_number_in_each_main_row() -> None:
    ours = Round(next(kind for kind in KINDS if kind.name == OURS), 1, quick=True)
    ours.run()
    assert [value for value in ours.results.values() if isinstance(value, str)] == []
    assert all(value > 0 for value in ours.results.values() if isinstance(value, float))
    assert set(ours.results) < set(ROWS)


@pytest.mark.lab
def test_a_full_size_datagram_fills_the_tunnel() -> None:
    with World() as world:
        end = Veth(world.host("one"), 1, world.switch("internet"))
        assert measure.full_size(end) == measure.FULL_MTU - measure.IPV4_UDP_BYTES


@pytest.mark.lab
def test_cpu_and_memory_are_those_of_all_processes_of_an_end() -> None:
    with World() as world:
        end = Veth(world.host("one"), 1, world.switch("internet"))
        assert measure.processes_of(end) == []
        assert measure.cpu_seconds(end) == measure.memory_mb(end) == 0
        busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
        end.process = end.host.popen(["sh", "-c", f"sleep 30 & {busy}; echo done; wait"])
        assert end.process.popen.stdout is not None
        assert end.process.popen.stdout.readline() == "done\n"
        assert len(measure.processes_of(end)) == 2
        assert measure.cpu_seconds(end) > 0
        assert 0.1 < measure.memory_mb(end) < 50
