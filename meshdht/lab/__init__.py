"""Network worlds on one machine: hosts, switches and NAT routers made of namespaces.

The demo and the lab tests run real daemons in them. Needs root, iproute2, nftables and
util-linux; knows nothing of the rest of the project.
"""
