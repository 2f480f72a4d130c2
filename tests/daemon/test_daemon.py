"""Real daemons: what they answer, how they stop, and what is left of them."""

from __future__ import annotations

import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from meshdht.api.client import Client
from meshdht.api.errors import ApiError
from meshdht.api.launch import Create, Run
from tests.daemon.daemon_process import HAS_TUN, daemon
from tests.lab.homes import eventually

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not HAS_TUN, reason="needs root and /dev/net/tun"),
]
FOUND = Create(network="home", name="nas", listen_port=0)


def test_a_network_is_founded_served_and_taken_down(tmp_path: Path) -> None:
    with daemon(tmp_path, FOUND) as running:
        ready = running.report()
        assert (ready["type"], ready["network"], ready["device"]) == ("ready", "home", "nas")
        socket = Path(ready["socket"])
        with Client(socket) as client:
            status = client.status()
            assert status.device.addresses == tuple(ready["addresses"])
            assert status.peers == ()
            assert status.listen_port > 0
            client.down()
        assert running.process.wait(10) == 0
        assert not socket.exists()
    state = tmp_path / "state" / "home"
    assert stat.S_IMODE((state / "state.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((state / "daemon.log").stat().st_mode) == 0o600
    assert "Traceback" not in (state / "daemon.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with daemon(tmp_path, FOUND) as running:
        socket = Path(running.report()["socket"])
        running.process.send_signal(number)
        assert running.process.wait(10) == 0
        assert not socket.exists()


def test_it_comes_back_as_the_same_device_after_a_kill(tmp_path: Path) -> None:
    with daemon(tmp_path, FOUND) as running:
        first = running.report()
        running.process.kill()
        running.process.wait()
    with daemon(tmp_path, Run(network="home")) as running:
        again = running.report()
        assert again["type"] == "ready"
        assert again["addresses"] == first["addresses"]


def test_a_second_daemon_for_a_network_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with daemon(tmp_path, FOUND) as running:
        socket = Path(running.report()["socket"])
        with daemon(tmp_path, Run(network="home")) as second:
            failed = second.report()
            assert failed["type"] == "failed"
            assert "already serves" in failed["message"]
            assert second.process.wait(10) == failed["exit_code"] == 1
        with Client(socket) as client:
            assert client.status().network == "home"


def test_no_interface_outlives_the_daemon(tmp_path: Path) -> None:
    with daemon(tmp_path, FOUND) as running:
        running.report()
        namespace = f"--net=/proc/{running.process.pid}/ns/net"
        show = ["nsenter", namespace, "ip", "-o", "link", "show", "mesh-home"]
        assert "mesh-home" in subprocess.run(show, capture_output=True, text=True).stdout
        with subprocess.Popen(["nsenter", namespace, "sleep", "30"]) as guard:
            running.process.terminate()
            running.process.wait(10)
            show[1] = f"--net=/proc/{guard.pid}/ns/net"
            assert subprocess.run(show, capture_output=True).returncode != 0
            guard.kill()


def test_it_goes_on_by_the_keys_that_replace_its_own(tmp_path: Path) -> None:
    with daemon(tmp_path, FOUND) as running:
        ready = running.report()
        socket = Path(ready["socket"])
        with Client(socket) as client:
            before = client.status()
            replaced = client.replace_keys()
            assert replaced.former == before.device.id
        assert eventually(lambda: own_id(socket) == replaced.id)
        with Client(socket) as client:
            after = client.status()
            assert client.pid == running.process.pid
            assert after.device.name == before.device.name
            assert after.device.addresses == before.device.addresses
            assert after.listen_port == before.listen_port
            client.down()
        assert running.process.wait(10) == 0
        assert not socket.exists()
    said = (tmp_path / "state" / "home" / "daemon.log").read_text()
    assert "ERROR" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_signal_between_two_keys_ends_it_in_order(tmp_path: Path, after_s: float) -> None:
    with daemon(tmp_path, FOUND) as running:
        socket = Path(running.report()["socket"])
        with Client(socket) as client:
            client.replace_keys()
        time.sleep(after_s)
        running.process.terminate()
        assert running.process.wait(10) == 0
        assert not socket.exists()
    assert "Traceback" not in (tmp_path / "state" / "home" / "daemon.log").read_text()


def test_a_start_by_other_keys_that_fails_is_told_in_the_log(tmp_path: Path) -> None:
    with daemon(tmp_path, FOUND) as running:
        socket = Path(running.report()["socket"])
        with Client(socket) as client:
            socket.unlink()
            socket.touch()
            client.replace_keys()
        assert running.process.wait(10) == 1
    said = (tmp_path / "state" / "home" / "daemon.log").read_text()
    assert f"{socket} is in the way" in said
    assert "Traceback" not in said


def own_id(socket: Path) -> str:
    """The id that the daemon has now; empty while there is none."""
    try:
        with Client(socket) as client:
            return client.status().device.id
    except ApiError:
        return ""
