"""A router of the lab: a machine between two switches, with the rules of a kind of NAT."""

from __future__ import annotations

import shutil
import subprocess
import sys

from meshdht.lab.host import Host, Switch
from meshdht.lab.namespace import Namespace
from meshdht.lab.nat import kind_called, ruleset
from meshdht.lab.process import LabError, Process

WAN = "wan"
LAN = "lan"

# ctnetlink's "delete" without a tuple empties the table of connections.
FORGET_CONNECTIONS = """
import socket, struct
NETLINK_NETFILTER, IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST, NLM_F_ACK = 12, 1 << 8 | 2, 1, 4
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
    flags = NLM_F_REQUEST | NLM_F_ACK
    netlink.send(struct.pack("=IHHIIBBH", 20, IPCTNL_MSG_CT_DELETE, flags, 1, 0, 0, 0, 0))
    error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
    raise SystemExit(error and f"the connections were not forgotten: error {-error}")
"""

MINIUPNPD = f"""
ext_ifname={WAN}
listening_ip={LAN}
enable_upnp=yes
enable_natpmp=yes
secure_mode=yes
upnp_nat_table_name=nat
uuid=8a2b7d6e-5b0c-4f4e-9d3f-6f1f0c1d2e3f
allow 1024-65535 0.0.0.0/0 1024-65535
allow 443 0.0.0.0/0 443
deny 0-65535 0.0.0.0/0 0-65535
"""


class Router(Host):
    """Made by ``World.router``. ``nat`` is a name from ``NAT_KINDS``."""

    def __init__(
        self, name: str, world: Namespace, outside: Switch, wan_address: str, nat: str
    ) -> None:
        self._kind = kind_called(nat)
        if self._kind.port_mapping and shutil.which("miniupnpd") is None:
            raise LabError(
                "miniupnpd is missing", "apt-get install --no-install-recommends miniupnpd-nftables"
            )
        super().__init__(name, world)
        self._miniupnpd: Process | None = None
        self._wan = self.attach(outside, wan_address, interface=WAN)

    def serve(self, inside: Switch, *lan_addresses: str) -> None:
        """Forward between the outside and a switch inside, on which these are its addresses."""
        self.attach(inside, *lan_addresses, interface=LAN)
        for family in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.run(["sh", "-c", f"echo 1 > /proc/sys/net/{family}"])
        self._set_up()

    def announce(self, *addresses: str) -> None:
        """Let the outside find these addresses, which are inside and not translated: the router
        answers for them (proxy ARP, proxy NDP)."""
        outside = "/proc/sys/net/{family}/{folder}/wan/{key}"
        for family, folder, key, value in (
            ("ipv4", "conf", "proxy_arp", 1),
            ("ipv6", "conf", "proxy_ndp", 1),
            ("ipv4", "neigh", "proxy_delay", 0),
            ("ipv6", "neigh", "proxy_delay", 0),
        ):
            path = outside.format(family=family, folder=folder, key=key)
            self.run(["sh", "-c", f"echo {value} > {path}"])
        for address in addresses:
            if ":" in address:
                self.ip(f"neigh add proxy {address} dev {WAN}", f"route replace ::/0 dev {WAN}")

    def link_local(self, interface: str) -> str:
        """The link-local address of one of its interfaces."""
        listed = self.run(["ip", "-6", "-brief", "address", "show", "dev", interface]).stdout
        return next(each for each in listed.split() if each.startswith("fe80:")).partition("/")[0]

    def forget(self) -> None:
        """Start anew: no connection, no learned and no asked for mapping is known any more."""
        if self._miniupnpd is not None:
            self._miniupnpd.stop()
        self._set_up()
        self.run([sys.executable, "-c", FORGET_CONNECTIONS])

    def change_outside(self, address: str) -> None:
        """Get another address from the provider; like most routers, forget everything then."""
        self.change_address(self._wan, address)
        self.forget()

    def _set_up(self) -> None:
        self.run(["nft", "-f", "-"], input=ruleset(self._kind, WAN, self._wan.ip))
        if self._kind.port_mapping:
            self.run(["sh", "-c", "cat > /run/miniupnpd.conf"], input=MINIUPNPD)
            self._miniupnpd = self.popen(
                ["miniupnpd", "-d", "-f", "/run/miniupnpd.conf", "-P", "/run/miniupnpd.pid"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
