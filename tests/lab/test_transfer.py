"""A transfer tells the truth about what arrived."""

from __future__ import annotations

import pytest

from meshdht.lab.process import CommandFailed
from meshdht.lab.transfer import CHUNK_BYTES, transfer
from meshdht.lab.world import World


@pytest.mark.parametrize("size", [0, 1, 3 * CHUNK_BYTES + 5])
def test_what_is_sent_arrives_with_its_checksum(world: World, size: int) -> None:
    lan = world.switch("lan")
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(lan, "192.0.2.1/24", "2001:db8::1/64")
    laptop.attach(lan, "192.0.2.2/24", "2001:db8::2/64")
    for address in ("192.0.2.1", "2001:db8::1"):
        done = transfer(laptop, nas, address, size)
        assert done.size == size
        assert len(done.sha256) == 64
        assert done.mbit_per_s >= 0


def test_an_address_that_the_receiver_does_not_have_is_said_at_once(world: World) -> None:
    nas, laptop = world.host("nas"), world.host("laptop")
    with pytest.raises(CommandFailed, match="Cannot assign requested address"):
        transfer(laptop, nas, "192.0.2.1", 1)
