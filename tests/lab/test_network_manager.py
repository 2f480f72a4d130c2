"""Machines whose network is NetworkManager's, by each way in which it keeps /etc/resolv.conf."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from meshdht.service import network_manager
from tests.lab.test_installed_names import INSTALL, INSTALL_RESOLVCONF
from tests.support.booted import Booted
from tests.support.debian import unpacked

pytestmark = pytest.mark.timeout(600)

PACKAGES = (
    "network-manager",
    "libnm0",
    "libbluetooth3",
    "libmm-glib0",
    "libndp0",
    "libnewt0.52",
    "libteamdctl0",
)
# One network card, with a provider at its other end that nobody asks. As there is no udev,
# NetworkManager takes the machine for a container, where /sys is not to be written.
INSTALL_NETWORK_MANAGER = f"""
cd "$1"
cp -a etc usr /
cp -a lib/. /usr/lib
ldconfig
umount /etc/resolv.conf 2>&- || :
rm -f /etc/resolv.conf
mount -o remount,ro /sys
ip netns add provider
ip link add eth0 type veth peer name theirs netns provider
ip -n provider link set theirs up
mkdir -p /var/lib/NetworkManager
cat > /etc/NetworkManager/system-connections/eth0.nmconnection
chmod 600 /etc/NetworkManager/system-connections/eth0.nmconnection
ln -s {sys.prefix}/bin/meshdht /usr/bin
"""
CONNECTION = """
[connection]
id=eth0
type=ethernet
interface-name=eth0
[ipv4]
method=manual
address1=192.0.2.10/24,192.0.2.53
dns=192.0.2.53
[ipv6]
method=disabled
"""
START = """
systemctl daemon-reload
systemctl reload dbus
systemctl start NetworkManager
nm-online -q -t 60
"""
TUNNEL = "nmcli -g GENERAL.STATE device show mesh-home"
PROVIDER = "nameserver 192.0.2.53"


@pytest.fixture
def box() -> Iterator[Booted]:
    box = Booted("box")
    try:
        install = ["sh", "-ec", INSTALL_NETWORK_MANAGER, "sh", str(unpacked(*PACKAGES))]
        box.run(install, input=CONNECTION)
        yield box
    finally:
        box.close()


def by_nobody(box: Booted) -> None:
    """NetworkManager writes the file itself."""


def by_resolved(box: Booted) -> None:
    polkit = unpacked("polkitd", "libpolkit-gobject-1-0", "libpolkit-agent-1-0", "libduktape207")
    resolved = unpacked("systemd-resolved", "libsystemd-shared")
    box.run(["sh", "-ec", INSTALL, "sh", str(resolved), str(polkit)])


def by_openresolv(box: Booted) -> None:
    box.run(["sh", "-ec", INSTALL_RESOLVCONF, "sh", str(unpacked("openresolv"))])


@pytest.mark.parametrize("keep", [by_resolved, by_openresolv])
def test_names_resolve_and_outlive_what_network_manager_does(
    box: Booted, keep: Callable[[Booted], None]
) -> None:
    keep(box)
    box.sh(START)
    before = box.sh("cat /etc/resolv.conf; nmcli connection show --order name | cut -c1-40")
    box.sh("meshdht init home --name nas")
    for then in (
        ":",
        "nmcli connection down eth0; nmcli connection up eth0",
        "systemctl restart NetworkManager; nm-online -q -t 60",
    ):
        box.sh(then)
        assert box.sh("getent hosts nas").endswith("nas.home.internal"), then
    box.sh("meshdht down")
    assert box.sh("cat /etc/resolv.conf; nmcli connection show --order name | cut -c1-40") == before


def test_a_file_that_network_manager_writes_is_left_to_it_and_status_says_so(box: Booted) -> None:
    box.sh(START)
    before = box.sh("cat /etc/resolv.conf")
    assert PROVIDER in before
    box.sh("meshdht init home --name nas")
    assert "NetworkManager writes /etc/resolv.conf" in box.sh("meshdht status")
    assert box.sh("cat /etc/resolv.conf") == before
    box.sh("meshdht down")
    assert box.sh("cat /etc/resolv.conf") == before


def test_the_tunnel_is_not_managed_where_the_service_was_set_up(box: Booted) -> None:
    box.sh(START)
    box.sh("meshdht init home --name nas")
    assert "externally" in box.sh(TUNNEL)
    box.run(["tee", str(network_manager.FILE)], input=network_manager.text())
    box.sh(f"systemctl try-reload-or-restart {network_manager.SERVICE}; meshdht down; meshdht up")
    assert "unmanaged" in box.sh(TUNNEL)
    assert "mesh-home" not in box.sh("nmcli connection show")
