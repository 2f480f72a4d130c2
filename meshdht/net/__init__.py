"""The machine: the UDP port, the TUN device, interfaces, addresses and routes."""
