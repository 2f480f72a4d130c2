"""Datagrams that a program hands to the kernel by the train (UDP_SEGMENT), each of known contents:

    python -m tests.lab.trains receive ADDRESS PORT TRAINS
    python -m tests.lab.trains send ADDRESS PORT TRAINS

The receiver prints ``ready``. The sender goes on once a train has arrived whole, and sends it
again if it does not within RETRY_S; both print how many did. A datagram that was changed on its way
counts as none.
"""

from __future__ import annotations

import random
import socket
import struct
import sys

from meshdht.lab.host import Host
from tests.engine.lab import ROOT

PORT = 5002
SEGMENT = (socket.IPPROTO_UDP, 103)  # UDP_SEGMENT
# The last one is shorter, and odd.
COUNT, SIZE, LAST = 40, 1200, 777
TRIES, RETRY_S, SILENCE_S = 5, 1.0, 10.0
NUMBER = struct.Struct("!I")


def move(source: Host, target: Host, address: str, trains: int) -> int:
    """How many trains arrived whole, of those sent from one host to another."""
    words = [sys.executable, "-m", "tests.lab.trains"]
    options = [address, str(PORT), str(trains)]
    env = {"PYTHONPATH": str(ROOT)}
    receiver = target.popen([*words, "receive", *options], env=env)
    assert receiver.popen.stdout is not None
    assert receiver.popen.stdout.readline() == "ready\n"
    sent = source.run([*words, "send", *options], env=env)
    result = receiver.complete()
    receiver.check(result)
    assert result.stdout == sent.stdout
    return int(sent.stdout)


def datagrams(train: int) -> list[bytes]:
    """Those of one train; each begins with the train's number."""
    dice = random.Random(train)
    sizes = [SIZE] * (COUNT - 1) + [LAST]
    return [NUMBER.pack(train) + dice.randbytes(size - NUMBER.size) for size in sizes]


def send(address: str, port: int, trains: int) -> int:
    arrived = 0
    with _socket(address) as wire:
        wire.connect((address, port))
        wire.settimeout(RETRY_S)
        for train in range(trains):
            for _ in range(TRIES):
                wire.sendmsg(datagrams(train), [(*SEGMENT, struct.pack("=H", SIZE))])
                if _answered(wire, train):
                    arrived += 1
                    break
    return arrived


def _answered(wire: socket.socket, train: int) -> bool:
    try:
        while wire.recv(NUMBER.size) != NUMBER.pack(train):
            pass
    except (TimeoutError, ConnectionError):
        return False
    return True


def receive(address: str, port: int, trains: int) -> int:
    done = 0
    with _socket(address) as wire:
        wire.bind((address, port))
        wire.settimeout(SILENCE_S)
        print("ready", flush=True)
        while done < trains:
            missing = set(datagrams(done))
            while missing:
                data, source = wire.recvfrom(65536)
                missing.discard(data)
                if done and data[: NUMBER.size] == NUMBER.pack(done - 1):
                    wire.sendto(NUMBER.pack(done - 1), source)  # the answer was lost
            wire.sendto(NUMBER.pack(done), source)
            done += 1
    return done


def _socket(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


VERBS = {"send": send, "receive": receive}

if __name__ == "__main__":
    verb, address, port, trains = sys.argv[1:]
    print(VERBS[verb](address, int(port), int(trains)), flush=True)
