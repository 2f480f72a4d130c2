from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from meshdht.wireguard.allowed_ips import AllowedIPs, IPNetwork


class NaiveTable:
    """Looks at every prefix and takes the longest that holds the address."""

    def __init__(self) -> None:
        self.owners: dict[IPNetwork, str] = {}

    def replace(self, peer: str, networks: list[IPNetwork]) -> None:
        self.remove(peer)
        self.owners.update(dict.fromkeys(networks, peer))

    def remove(self, peer: str) -> None:
        self.owners = {net: owner for net, owner in self.owners.items() if owner != peer}

    def lookup(self, address: bytes) -> str | None:
        target = ip_address(address)
        holding = [net for net in self.owners if target in net]
        best = max(holding, key=lambda net: net.prefixlen, default=None)
        return None if best is None else self.owners[best]


# Few bits, so that prefixes hold each other and addresses fall into them.
V4 = st.builds(
    lambda bits, length: IPv4Network((bits << 28 | bits, length), strict=False),
    st.integers(0, 15),
    st.sampled_from([0, 1, 3, 4, 8, 30, 31, 32]),
)
V6 = st.builds(
    lambda bits, length: IPv6Network((bits << 124 | bits, length), strict=False),
    st.integers(0, 15),
    st.sampled_from([0, 1, 3, 4, 64, 127, 128]),
)
NETWORKS = st.lists(st.one_of(V4, V6), max_size=6)
PEERS = st.sampled_from(["one", "two", "three"])
ADDRESSES = [
    value.to_bytes(size, "big")
    for size in (4, 16)
    for high in range(16)
    for low in (0, 1, high)
    for value in [high << (size * 8 - 4) | low]
]


@given(st.lists(st.tuples(PEERS, st.none() | NETWORKS), max_size=8))
def test_look_ups_agree_with_a_naive_table(steps: list[tuple[str, list[IPNetwork] | None]]) -> None:
    table: AllowedIPs[str] = AllowedIPs()
    naive = NaiveTable()
    for peer, networks in steps:
        if networks is None:
            table.remove(peer)
            naive.remove(peer)
        else:
            table.replace(peer, networks)
            naive.replace(peer, networks)
    for address in ADDRESSES:
        assert table.lookup(address) == naive.lookup(address)


def test_an_empty_table_knows_nobody() -> None:
    table: AllowedIPs[str] = AllowedIPs()
    assert table.lookup(bytes(4)) is None
    assert table.lookup(bytes(16)) is None


def test_a_prefix_that_another_peer_is_given_moves() -> None:
    table: AllowedIPs[str] = AllowedIPs()
    table.replace("one", [ip_network("10.0.0.1/32")])
    table.replace("two", [ip_network("10.0.0.1/32")])
    assert table.lookup(ip_address("10.0.0.1").packed) == "two"
    table.remove("two")
    assert table.lookup(ip_address("10.0.0.1").packed) is None
