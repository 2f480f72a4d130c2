from __future__ import annotations

import errno
import os
import socket
import subprocess

import pytest

from meshdht.errors import PlatformError
from meshdht.net import tun as module
from meshdht.net.netlink import open_netlink
from meshdht.net.tun import Tun


@pytest.mark.parametrize("name", ["", "sixteen-letters0"])
def test_a_name_that_the_kernel_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(PlatformError, match="cannot be called"):
        Tun(name)


def test_a_machine_without_tun_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATH", "/dev/net/no-such-device")
    with pytest.raises(PlatformError, match="no TUN device") as caught:
        Tun("mesh0")
    assert "--device /dev/net/tun" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.EPERM, "no permission"),
        (errno.EBUSY, "already exists"),
        (errno.EINVAL, "already exists"),
        (errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_each_refusal_of_the_kernel_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, code: int, says: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module, "_PATH", "/dev/null")
    monkeypatch.setattr("meshdht.net.tun.fcntl.ioctl", refuse)
    with pytest.raises(PlatformError, match=says):
        Tun("mesh0")


def test_no_right_to_open_the_device_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("meshdht.net.tun.os.open", refuse)
    with pytest.raises(PlatformError, match="no permission to open") as caught:
        Tun("mesh0")
    assert "sudo" in caught.value.hint


@pytest.mark.lab
class TestOnTheRealKernel:
    """In a network namespace of the test's own."""

    def test_an_interface_lives_as_long_as_its_tun(self, own_network: None) -> None:
        tun = Tun("mesh0")
        assert "mesh0" in [name for _, name in socket.if_nameindex()]
        with pytest.raises(BlockingIOError):
            os.read(tun.fileno(), 65535)
        assert "TSO" in tun.offloads
        tun.close()
        tun.close()
        assert "mesh0" not in [name for _, name in socket.if_nameindex()]

    def test_it_knows_what_it_is_called_now(self, own_network: None) -> None:
        tun = Tun("mesh0")
        subprocess.run(["ip", "link", "set", "mesh0", "name", "uplink"], check=True)
        assert tun.name == "uplink"
        subprocess.run(["ip", "link", "del", "uplink"], check=True)
        assert tun.name == "uplink"
        tun.close()
        assert tun.name == "uplink"

    def test_a_second_one_of_the_same_name_is_refused(self, own_network: None) -> None:
        tun = Tun("mesh0")
        with pytest.raises(PlatformError, match="mesh0 already exists") as caught:
            Tun("mesh0")
        assert "another name" in caught.value.hint
        tun.close()

    def test_what_is_not_ip_is_not_taken(self, own_network: None) -> None:
        tun = Tun("mesh0")
        with pytest.raises(OSError, match=r"Input/output|Invalid"):
            os.write(tun.fileno(), bytes(10) + b"nonsense")
        tun.close()

    async def test_a_deleted_interface_fails_with_ebadfd(self, own_network: None) -> None:
        tun = Tun("mesh0")
        async with open_netlink() as netlink:
            await netlink.delete("mesh0")
        with pytest.raises(OSError, match=os.strerror(errno.EBADFD)):
            os.read(tun.fileno(), 65535)
        tun.close()
