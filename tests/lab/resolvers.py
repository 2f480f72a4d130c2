"""Machines of the lab that resolve names as real ones do. None of it is installed on the machine
that tests: packages are laid over /usr in the mounts of a host of the lab alone."""

from __future__ import annotations

from meshdht.lab.host import Host
from tests.lab.homes import eventually
from tests.support.debian import unpacked

RESOLVED_PACKAGES = ("systemd-resolved", "libsystemd-shared")
BUS = """<busconfig>
<listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy>
</busconfig>
"""
_OWN_ETC = """
mkdir /run/etc && cp -a /etc/. /run/etc && mount --bind /run/etc /etc
rm -f /etc/resolv.conf && cat > /etc/resolv.conf
echo 'hosts: files dns' > /etc/nsswitch.conf
"""
_INSTALL = """
mkdir /run/package && cp -a "$1"/. /run/package && cd /run/package
for each in bin sbin lib; do
    [ ! -d $each ] || { mkdir -p usr/$each && cp -a $each/. usr/$each; }
done
[ ! -d etc ] || cp -a etc/. /etc
mount -t overlay -o lowerdir=/run/package/usr:/usr none /usr
"""
_RESOLVED = """
grep -q ^systemd-resolve: /etc/passwd || echo systemd-resolve:x:991:991::/:/bin/false >> /etc/passwd
grep -q ^systemd-resolve: /etc/group || echo systemd-resolve:x:991: >> /etc/group
mkdir -p /run/dbus /run/systemd/resolve
chown systemd-resolve: /run/systemd/resolve
printf '[Resolve]\\nDNS=%s\\nDNSSEC=no\\nLLMNR=no\\nMulticastDNS=no\\n' "$1" \
    > /etc/systemd/resolved.conf
cat > /run/bus.conf
dbus-daemon --config-file=/run/bus.conf --fork
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
"""


def resolve_by_file(host: Host, upstream: str) -> None:
    """Nothing but /etc/resolv.conf says which server is asked."""
    host.run(["sh", "-ec", _OWN_ETC], input=f"# by hand\nnameserver {upstream}\n")


def resolve_by_resolved(host: Host, upstream: str) -> None:
    """systemd-resolved runs, and /etc/resolv.conf is a link to what it writes."""
    resolve_by_file(host, upstream)
    _install(host, *RESOLVED_PACKAGES)
    host.run(["sh", "-ec", _RESOLVED, "sh", upstream], input=BUS)
    start_resolved(host)


def start_resolved(host: Host) -> None:
    """Start systemd-resolved, which is installed; again, if it has ended."""
    host.popen(["/lib/systemd/systemd-resolved"], stdout=None, stderr=None)
    assert eventually(lambda: host.run(["resolvectl", "status"], check=False).returncode == 0)


def resolve_by_resolvconf(host: Host, upstream: str, package: str) -> None:
    """``resolvconf``, Debian's, or ``openresolv`` writes /etc/resolv.conf, and has heard of one
    server by DHCP."""
    resolve_by_file(host, upstream)
    _install(host, package)
    if package == "resolvconf":
        host.run(["mkdir", "-p", "/run/resolvconf/interface"])
        host.run(["ln", "-sf", "/run/resolvconf/resolv.conf", "/etc/resolv.conf"])
        host.run(["resolvconf", "--enable-updates"])
    host.run(["resolvconf", "-a", "eth0.dhclient"], input=f"nameserver {upstream}\n")


def _install(host: Host, *packages: str) -> None:
    host.run(["sh", "-ec", _INSTALL, "sh", str(unpacked(*packages))])
