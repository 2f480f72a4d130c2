"""Who is asked where this device is seen when a path fails."""

from __future__ import annotations

from meshdht.crypto.keys import DeviceId
from meshdht.node.witnesses import AGAIN_S, WITNESSES, Witnesses

DEVICES = [DeviceId(number.to_bytes(20)) for number in range(9)]


def test_a_few_others_are_asked_and_not_again_at_once() -> None:
    asked: list[DeviceId] = []
    it = Witnesses(lambda: DEVICES, asked.append)
    it.ask(DEVICES[1], 0.0)
    assert len(asked) == WITNESSES
    assert DEVICES[1] not in asked
    it.ask(DEVICES[2], AGAIN_S / 2)
    assert len(asked) == WITNESSES
    it.ask(DEVICES[2], AGAIN_S)
    assert len(asked) == 2 * WITNESSES
