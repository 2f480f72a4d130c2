"""Names on a machine that systemd has booted, told by a daemon that is not root."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import pytest

from meshdht.service.polkit import RULES
from tests.lab.conftest import CHECKOUT
from tests.support.booted import Booted
from tests.support.debian import unpacked

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("installation")]

INSTALL = """
for tree; do
    cd "$tree"
    for each in etc usr; do [ ! -d $each ] || cp -a $each /; done
    [ ! -d lib ] || cp -a lib/. /usr/lib
done
systemd-sysusers
chown polkitd /etc/polkit-1/rules.d
ldconfig
systemctl daemon-reload
systemctl reload dbus
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
systemctl start systemd-resolved polkit
"""

INSTALL_RESOLVCONF = """
cd "$1"
cp -a etc usr /
cp -a lib/. /usr/lib
cp -a sbin/. /usr/sbin
rm -f /etc/resolv.conf
mkdir -p /run/resolvconf/interface
if [ -d /usr/lib/resolvconf/libc.d ]; then :; else
    ln -s /run/resolvconf/resolv.conf /etc/resolv.conf
    resolvconf --enable-updates
fi
echo nameserver 192.0.2.53 | resolvconf -a eth0.dhclient
"""


@pytest.fixture
def box() -> Iterator[Booted]:
    """A machine with systemd-resolved and polkit."""
    box = Booted("box")
    resolved = unpacked("systemd-resolved", "libsystemd-shared")
    polkit = unpacked("polkitd", "libpolkit-gobject-1-0", "libpolkit-agent-1-0", "libduktape207")
    box.run(["sh", "-ec", INSTALL, "sh", str(resolved), str(polkit)])
    yield box
    box.close()


def test_the_services_user_may_tell_resolved(box: Booted, offline: Mapping[str, str]) -> None:
    before = box.sh("sha256sum /etc/resolv.conf")
    box.run([os.fspath(CHECKOUT / "mesh"), "install"], env=offline)
    box.run(["meshdht", "init", "home", "--name", "nas"])
    assert box.sh("systemctl show --property=User --value meshdht@home") == "meshdht"
    assert "*.home.internal by systemd-resolved" in box.sh("meshdht status")
    for name in ("nas.home.internal", "nas"):
        assert box.sh(f"getent hosts {name}").endswith("nas.home.internal")

    process = box.sh("systemctl show --property=MainPID --value meshdht@home")
    box.sh(f"kill -9 {process}; sleep 1; systemctl restart meshdht@home")
    assert "nas.home.internal" in box.sh("getent hosts nas")
    box.sh("meshdht down")
    assert box.sh("sha256sum /etc/resolv.conf") == before
    # Without the rule, it is said why.
    box.sh(f"rm {RULES}; sleep 1; meshdht up")
    assert "Interactive authentication required" in box.sh("meshdht status")


@pytest.mark.parametrize("package", ["resolvconf", "openresolv"])
def test_the_unit_has_root_tell_resolvconf(package: str, offline: Mapping[str, str]) -> None:
    box = Booted("box")
    try:
        box.run(["sh", "-ec", INSTALL_RESOLVCONF, "sh", str(unpacked(package))])
        before = box.sh("cat /etc/resolv.conf")
        assert "192.0.2.53" in before
        box.run([os.fspath(CHECKOUT / "mesh"), "install"], env=offline)
        box.run(["meshdht", "init", "home", "--name", "nas"])
        assert "*.home.internal by resolvconf" in box.sh("meshdht status")
        assert box.sh("getent hosts nas").endswith("nas.home.internal")
        assert "192.0.2.53" in box.sh("cat /etc/resolv.conf")
        box.sh("systemctl kill --kill-whom=all --signal=KILL meshdht@home; sleep 1")
        assert box.sh("cat /etc/resolv.conf") == before
        box.sh("systemctl restart meshdht@home")
        assert box.sh("getent hosts nas").endswith("nas.home.internal")
        box.sh("meshdht down")
        assert box.sh("cat /etc/resolv.conf; ls /run/meshdht/*.resolvconf 2>&- || :") == before
    finally:
        box.close()
