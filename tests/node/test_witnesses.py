"""Who is asked where this device is seen when a path fails."""

from __future__ import annotations

import math

from meshdht.crypto.keys import DeviceId
from meshdht.node.witnesses import AGAIN_S, PATIENCE_S, WITNESSES, Witnesses

DEVICES = [DeviceId(number.to_bytes(20)) for number in range(9)]


def test_a_few_others_are_asked_and_not_again_at_once() -> None:
    asked: list[DeviceId] = []
    it = Witnesses(lambda: DEVICES, asked.append, lambda device: None)
    it.ask(DEVICES[1], 0.0)
    assert len(asked) == WITNESSES
    assert DEVICES[1] not in asked
    it.ask(DEVICES[2], AGAIN_S / 2)
    assert len(asked) == WITNESSES
    it.ask(DEVICES[2], AGAIN_S)
    assert len(asked) == 2 * WITNESSES


def test_until_one_answers_they_are_asked_again_and_not_for_ever() -> None:
    reached, again = list(DEVICES), list[DeviceId]()
    it = Witnesses(lambda: reached, lambda device: None, again.append)
    it.ask(DEVICES[8], 0.0)
    it.poll(AGAIN_S / 2)
    assert again == []
    assert it.deadline == AGAIN_S
    it.poll(AGAIN_S)
    assert again == DEVICES[:WITNESSES]
    # All are silent by now, and so nobody new is asked.
    reached.clear()
    it.ask(DEVICES[8], AGAIN_S)
    it.poll(2 * AGAIN_S)
    assert len(again) == 2 * WITNESSES
    it.answered(DEVICES[5])
    assert it.deadline == 3 * AGAIN_S
    it.answered(DEVICES[1])
    assert it.deadline == math.inf
    it.poll(4 * AGAIN_S)
    assert len(again) == 2 * WITNESSES

    reached += DEVICES
    it.ask(DEVICES[8], 100.0)
    while it.deadline < math.inf:
        it.poll(it.deadline)
    assert len(again) == (2 + PATIENCE_S / AGAIN_S) * WITNESSES
