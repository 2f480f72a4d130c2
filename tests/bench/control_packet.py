"""What a control packet costs, beside the bare libsodium calls for the same bytes; and a fold.

``python -m tests.bench.control_packet`` seals and opens as ControlChannel does, once with the
smallest body (a PING's) and once with one of 541 bytes (20 contacts); the reference seals and
opens the same number of plaintext bytes by libnacl alone, turn by turn with it in one process.
Then it folds logs of 10, 100 and 1,000 devices, whole and after one statement more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.crypto.sodium import libnacl
from meshdht.endpoint import Endpoint
from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from meshdht.wire.channel import ControlChannel
from meshdht.wire.packet import HEADER_SIZE, MessageKind
from simulations.ledger import prepare
from simulations.loop import UNIX_START

BODIES = {"PING": 20, "NODES": 541}
TURNS, PER_TURN = 20, 500
HERE, THERE = Endpoint("192.0.2.1", 41820), Endpoint("192.0.2.2", 41820)


def seconds(work: Callable[[], object], times: int = 1) -> float:
    """CPU time of one call."""
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times


def packets(name: str, size: int) -> str:
    key, entropy = PacketKey(bytes(32)), SeededEntropy(1)
    one = ControlChannel(DeviceId(b"1" * 20), key, entropy)
    other = ControlChannel(DeviceId(b"2" * 20), key, entropy)
    body, plaintext, nonce = bytes(size), bytes(HEADER_SIZE + size), bytes(24)

    def ours() -> None:
        message_id = one.draw_message_id()
        datagram = one.seal(MessageKind.DHT_REPLY, message_id, body, THERE, now=0.0, unix=0.0)
        assert other.open(datagram, HERE, now=0.0, unix=0.0)

    def bare() -> None:
        sealed = libnacl.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, b"", nonce, key.raw)
        libnacl.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, b"", nonce, key.raw)

    # The least of many turns: what another process takes of the machine is in all the others.
    costs = [(seconds(ours, PER_TURN), seconds(bare, PER_TURN)) for _ in range(TURNS)]
    channel, sodium = (min(each) * 1e6 for each in zip(*costs, strict=True))
    return f"{name:<6} {size:>4} bytes  {channel:6.1f} {sodium:6.1f} us  x{channel / sodium:.1f}"


def folds(devices: int) -> str:
    log = prepare(SeededEntropy(1), UNIX_START, devices).log
    *earlier, last = log
    whole, more = [], []
    for _ in range(TURNS // 4):
        folder, grown = Folder(), MembershipLog(log.network)
        for statement in earlier:
            grown.add(statement.raw)
        whole.append(seconds(partial(folder.fold, grown)))
        grown.add(last.raw)
        more.append(seconds(partial(folder.fold, grown)))
    return f"{devices:>5} devices  {min(whole) * 1e3:8.2f} ms  {min(more) * 1e3:6.2f} ms"


def main() -> None:
    print("control packet, sealed and opened: the channel, bare libsodium, ratio")
    for name, size in BODIES.items():
        print(packets(name, size))
    print("fold: whole, one statement more")
    for devices in (10, 100, 1000):
        print(folds(devices))


if __name__ == "__main__":
    main()
