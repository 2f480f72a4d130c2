"""The command line's client, against a daemon and against what is none."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshdht.api.client import Client
from meshdht.api.errors import ApiError, Disconnected, NoDaemon
from meshdht.api.messages import (
    CreateInvite,
    Done,
    Failure,
    Ping,
    Welcome,
    encode_line,
)
from meshdht.api.version import API_VERSION
from tests.api.fake_daemon import LINK, STATUS, serving

WELCOME = encode_line(Welcome(version=API_VERSION))


@contextlib.contextmanager
def answering(path: Path, answer: bytes) -> Iterator[None]:
    """Something on the socket that says ``answer`` to one client, whatever it is asked."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(10)


def test_every_question_gets_its_answer(socket_path: Path) -> None:
    with serving(socket_path), Client(socket_path) as daemon:
        assert daemon.status() == STATUS
        assert len(daemon.devices().devices) == 4
        assert daemon.invite(CreateInvite(name="pi")).link == LINK
        pongs = list(daemon.ping(Ping(peer="phone", count=3)))
        assert [pong.sequence for pong in pongs] == [0, 1, 2]
        assert daemon.status() == STATUS


def test_a_failure_is_raised_with_its_words_and_the_connection_goes_on(socket_path: Path) -> None:
    with serving(socket_path), Client(socket_path) as daemon:
        with pytest.raises(ApiError, match="called nas already") as caught:
            daemon.invite(CreateInvite(name="nas"))
        assert (caught.value.hint, caught.value.exit_code) == ("choose another --name", 2)
        with pytest.raises(ApiError, match="no peer is called"):
            list(daemon.ping(Ping(peer="nobody")))
        assert daemon.status() == STATUS


def test_no_daemon_is_said_with_the_network_and_the_way_out(socket_path: Path) -> None:
    with pytest.raises(NoDaemon) as caught:
        Client(socket_path)
    assert caught.value.message == "network 'home' is not up"
    assert "meshdht up" in caught.value.hint


def test_a_stale_socket_is_no_daemon(socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path))
    with pytest.raises(NoDaemon):
        Client(socket_path)


def test_a_path_too_long_is_a_usage_error(runtime_dir: Path) -> None:
    with pytest.raises(ApiError, match="too long"):
        Client(runtime_dir / ("x" * 120))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "ended before it had answered"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "cannot be read"),
        (encode_line(Welcome(version=9)), "speaks version 9"),
        (encode_line(Done()), "answered with Done, not Welcome"),
        (WELCOME, "ended before it had answered"),
        (WELCOME + encode_line(Done()), "answered with Done, not StatusReply"),
        (WELCOME + b'{"type": "status"', "ended before it had answered"),
        (encode_line(Failure(message="not you")), "not you"),
    ],
)
def test_an_answer_that_is_none_is_one_clear_error(
    socket_path: Path, answer: bytes, said: str
) -> None:
    with (
        answering(socket_path, answer),
        pytest.raises(ApiError, match=said),
        Client(socket_path) as daemon,
    ):
        daemon.status()


def test_a_daemon_that_does_not_answer_is_not_waited_for_long(socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path))
        listener.listen()
        with (
            Client(socket_path, timeout_s=0.1) as daemon,
            pytest.raises(ApiError, match="did not answer within"),
        ):
            daemon.status()


DAEMON = """
import asyncio, sys, time
from pathlib import Path
from meshdht.api.server import ApiServer
from tests.api.fake_daemon import FakeService

async def serve():
    service = FakeService()
    async with ApiServer(Path(sys.argv[1]), service):
        print("up", flush=True)
        await service.stopped.wait()
        await asyncio.sleep(0.02)
    time.sleep(float(sys.argv[2]))

asyncio.run(serve())
"""


@contextlib.contextmanager
def daemon_process(path: Path, linger_s: float) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(path), str(linger_s)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process
        process.kill()


def test_down_returns_when_the_process_has_ended(socket_path: Path) -> None:
    with daemon_process(socket_path, 0.3) as process:
        with Client(socket_path) as daemon:
            daemon.down()
        # Ended and not yet waited for: a zombie has no open files, but its id is still ours.
        assert os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        with pytest.raises(NoDaemon):
            Client(socket_path)


def test_leaving_returns_when_the_process_has_ended(socket_path: Path) -> None:
    with daemon_process(socket_path, 0.3) as process:
        with Client(socket_path) as daemon:
            assert daemon.leave().directory == "/var/lib/meshdht/home"
        assert os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def test_down_says_when_the_process_does_not_end(socket_path: Path) -> None:
    with (
        daemon_process(socket_path, 60),
        Client(socket_path) as daemon,
        pytest.raises(ApiError, match="still runs after"),
    ):
        daemon.down(timeout_s=0.3)


def test_down_of_a_process_that_cannot_be_seen_waits_for_the_connection(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unseen(_pid: int) -> int:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(os, "pidfd_open", unseen)
    with serving(socket_path) as service:
        with Client(socket_path) as daemon:
            daemon.down()
        assert service.stopped.is_set()


def test_leaving_a_daemon_early_raises_disconnected(socket_path: Path) -> None:
    with (
        answering(socket_path, WELCOME),
        pytest.raises(Disconnected),
        Client(socket_path) as daemon,
    ):
        list(daemon.ping(Ping(peer="nas")))
