"""What may lie where the socket shall be."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from meshdht.api.errors import ApiError, SocketInUse
from meshdht.api.listen import listening_socket


def test_the_directory_is_made_where_it_is_missing(runtime_dir: Path) -> None:
    path = runtime_dir / "run" / "home.sock"
    with listening_socket(path):
        assert path.is_socket()


def test_a_socket_that_nobody_serves_is_replaced(socket_path: Path) -> None:
    listening_socket(socket_path).close()
    assert socket_path.is_socket()
    with listening_socket(socket_path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(socket_path))


def test_a_socket_that_somebody_serves_is_left_alone(socket_path: Path) -> None:
    with listening_socket(socket_path):
        with pytest.raises(SocketInUse):
            listening_socket(socket_path)
        assert socket_path.is_socket()


def test_a_file_in_the_way_is_not_removed(socket_path: Path) -> None:
    socket_path.write_text("precious")
    with pytest.raises(ApiError, match="is not a socket"):
        listening_socket(socket_path)
    assert socket_path.read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_a_usage_error(runtime_dir: Path) -> None:
    with pytest.raises(ApiError, match="too long") as caught:
        listening_socket(runtime_dir / ("x" * 120) / "home.sock")
    assert caught.value.exit_code == 2


def test_a_directory_that_cannot_be_made_is_named(runtime_dir: Path) -> None:
    (runtime_dir / "file").write_text("")
    with pytest.raises(ApiError, match="cannot listen at"):
        listening_socket(runtime_dir / "file" / "home.sock")
