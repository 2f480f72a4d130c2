"""What an observer between two hosts sees: encrypted UDP on one port, and nothing else."""

from __future__ import annotations

import ipaddress
import json
import struct
import sys
from collections.abc import Iterator

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import everyone_reaches_everyone, public

NETWORK = "family-on-the-hill"
PLAINTEXT = b"the quick brown fox jumps over the lazy dog"
WINDOW_BYTES = 16  # half a key: by chance two such windows never meet
PADDING_BYTES_DISTINCT = 6

ETHERTYPES_OF_NEIGHBOURS = {0x0806}
IPV4, IPV6 = 0x0800, 0x86DD
UDP, ICMPV6 = 17, 58

# Every blob in a device's state, that is: its keys, its statements, its records.
BLOBS = """
import json, sqlite3, sys
state = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
blobs = []
for (table,) in state.execute("select name from sqlite_master where type = 'table'").fetchall():
    for row in state.execute(f'select * from "{table}"'):
        blobs += [value.hex() for value in row if isinstance(value, bytes)]
print(json.dumps(blobs))
"""


def packets(frames: Iterator[bytes]) -> Iterator[tuple[int, int, int, bytes]]:
    """(protocol, source port, destination port, payload) of each IP packet; ARP is left out."""
    for frame in frames:
        (ethertype,) = struct.unpack_from("!H", frame, 12)
        if ethertype == IPV4:
            header = 14 + (frame[14] & 15) * 4
            protocol = frame[23]
        elif ethertype == IPV6:
            header, protocol = 54, frame[20]
            if protocol == 0:  # hop-by-hop options, as MLD has
                protocol, header = frame[54], header + (frame[55] + 1) * 8
        else:
            assert ethertype in ETHERTYPES_OF_NEIGHBOURS
            continue
        if protocol == UDP:
            source, target = struct.unpack_from("!HH", frame, header)
            yield protocol, source, target, frame[header + 8 :]
        else:
            yield protocol, 0, 0, frame[header:]


def windows(data: bytes) -> set[bytes]:
    """Every run of WINDOW_BYTES that is not padding."""
    runs = (data[i : i + WINDOW_BYTES] for i in range(len(data) - WINDOW_BYTES + 1))
    return {run for run in runs if len(set(run)) > PADDING_BYTES_DISTINCT}


def state_blobs(device: Device) -> list[bytes]:
    path = f"/var/lib/meshdht/{NETWORK}/state.db"
    listing = device.host.run([sys.executable, "-c", BLOBS, path]).stdout
    return [bytes.fromhex(blob) for blob in json.loads(listing)]


def test_a_capture_shows_no_name_no_address_no_key_and_no_plaintext(world: World) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas-in-the-cellar", 2)
    laptop = public(world, internet, "laptop-of-alexandra", 3)
    with world.capture(internet) as capture:
        nas.init(NETWORK, "--listen-port", "41641")
        link = nas.invite(laptop.name)
        laptop.join(link, "--listen-port", "41642")
        everyone_reaches_everyone(nas, laptop)
        pattern = PLAINTEXT[:16].hex()
        laptop.host.run(["ping", "-c", "3", "-i", "0.1", "-p", pattern, nas.addresses()[0]])
        laptop.must("ping", nas.name)
        laptop.must("netcheck")
    seen = list(packets(capture.frames()))
    datagrams = [payload for protocol, _, _, payload in seen if protocol == UDP]
    assert len(datagrams) > 20
    assert {protocol for protocol, *_ in seen} <= {UDP, ICMPV6}  # the latter: neighbours
    # What tries how a NAT behaves comes from other ports, or goes to them.
    between = [set(ports) for protocol, *ports, _ in seen if protocol == UDP]
    assert all(ports & {41641, 41642} for ports in between)
    assert {41641, 41642} in between

    wire = b"\0".join(datagrams)
    for text in (NETWORK, nas.name, laptop.name, "meshdht"):
        assert text.encode() not in wire
    for here, there in zip(nas.addresses(), laptop.addresses(), strict=True):
        assert here.encode() not in wire
        assert there.encode() not in wire
        one, other = (ipaddress.ip_address(address).packed for address in (here, there))
        assert one + other not in wire  # as in the header of an IP packet
        assert other + one not in wire
    assert PLAINTEXT[:16] not in wire
    secrets = windows(link.encode())
    for device in (nas, laptop):
        device.must("down")
        blobs = state_blobs(device)
        assert any(len(blob) == 32 for blob in blobs)
        secrets.update(*(windows(blob) for blob in blobs))
    leaked = set().union(*(windows(datagram) for datagram in datagrams)) & secrets
    assert leaked == set()
