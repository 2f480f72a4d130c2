"""A whole network on one machine, gone when its owner ends, however that happens.

with World() as world:
    internet = world.switch("internet")
    home = world.switch("home")
    nas = world.host("nas")
    nas.attach(internet, "203.0.113.2/24")
    world.router("router", internet, "203.0.113.10/24", home, "192.168.1.1/24")
    laptop = world.host("laptop")
    laptop.attach(home, "192.168.1.2/24", gateways=["192.168.1.1"])
    laptop.run(["ping", "-c", "1", "203.0.113.2"])
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from meshdht.lab.capture import Capture
from meshdht.lab.host import Host, Switch
from meshdht.lab.namespace import Namespace, require_lab
from meshdht.lab.process import LabError
from meshdht.lab.router import Router


class World:
    """Switches, hosts and routers. Everything lives inside one namespace: ``core``."""

    def __init__(self) -> None:
        require_lab()
        self.core = Namespace("world")
        self.hosts: dict[str, Host] = {}
        self.switches: dict[str, Switch] = {}

    def switch(self, name: str, *, delay_s: float = 0.0, loss: float = 0.0) -> Switch:
        """A new Ethernet segment that carries frames and has no address itself.

        With ``delay_s`` (of each way) or ``loss`` (the share of packets), it is a part of the
        internet: no multicast, and a distance between all who are plugged in.
        """
        switch = Switch(name, f"br{len(self.switches)}", far=bool(delay_s or loss))
        self.core.ip(
            f"link add {switch.bridge} type bridge forward_delay 0 mcast_snooping 0",
            f"link set {switch.bridge} addrgenmode none",
            f"link set {switch.bridge} up",
        )
        if switch.far:
            self._keep_apart(switch, delay_s, loss)
        self.switches[name] = switch
        return switch

    def _keep_apart(self, switch: Switch, delay_s: float, loss: float) -> None:
        tap = f"far-{switch.bridge}"
        command = [sys.executable, "-P", "-m", "meshdht.lab.distance", tap, f"{delay_s}", f"{loss}"]
        carrier = self.core.popen(command, stderr=None)
        assert carrier.popen.stdout is not None
        if carrier.popen.stdout.readline() != "ready\n":
            raise LabError(f"no distance for {switch.name}: its process ended")
        self.core.ip(
            f"link set {tap} txqueuelen 10000 master {switch.bridge}",
            f"link set {tap} type bridge_slave learning off",
            f"link set {tap} addrgenmode none up",
        )

    def host(self, name: str) -> Host:
        """A new machine without a network card."""
        host = Host(name, self.core)
        self.hosts[name] = host
        return host

    def router(
        self,
        name: str,
        outside: Switch,
        wan_address: str,
        inside: Switch,
        *lan_addresses: str,
        nat: str = "port-restricted",
    ) -> Router:
        """A router of a kind of ``NAT_KINDS`` between two switches. It translates IPv4 unless it
        is a mere firewall, and never IPv6. One that maps ports on request (``upnp``) wants a
        ``wan_address`` that is reserved for nothing: examples in RFCs are."""
        router = Router(name, self.core, outside, wan_address, nat)
        self.hosts[name] = router
        router.serve(inside, *lan_addresses)
        return router

    def capture(self, switch: Switch) -> Capture:
        """Record every frame on a switch while the returned context lasts."""
        return Capture(self.core, switch)

    def close(self) -> None:
        """Let the whole world vanish."""
        self.core.close()
        for host in self.hosts.values():
            host.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
