"""Marks of congestion (ECN), as the kernel of a machine counts them."""

from __future__ import annotations

from meshdht.lab.host import Host


def heeded(host: Host) -> int:
    """Of the segments that this host sent, how many were said to have come with a mark."""
    lines = host.run(["cat", "/proc/net/netstat"]).stdout.splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(dict(zip(names, values, strict=True))["TCPDeliveredCE"])
