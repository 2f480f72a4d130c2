"""WireGuard, the protocol of the paper, without sockets: bytes and times in and out."""
