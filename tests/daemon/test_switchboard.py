"""Who gets the datagrams of the port."""

from __future__ import annotations

from meshdht.daemon.switchboard import Switchboard
from meshdht.endpoint import Endpoint

SOURCE = Endpoint("198.18.1.1", 1)


def test_at_first_nobody_hears_and_nothing_breaks() -> None:
    switchboard, heard = Switchboard(), list[bytes]()
    switchboard.control_received(b"early", SOURCE)
    switchboard.control = lambda datagram, source: heard.append(datagram)
    switchboard.control_received(b"late", SOURCE)
    assert heard == [b"late"]


def test_the_last_one_set_hears() -> None:
    switchboard = Switchboard()
    heard: list[tuple[str, bytes, Endpoint]] = []
    switchboard.control = lambda datagram, source: heard.append(("joiner", datagram, source))
    switchboard.control_received(b"1", SOURCE)
    switchboard.control = lambda datagram, source: heard.append(("node", datagram, source))
    switchboard.control_received(b"2", SOURCE)
    assert heard == [("joiner", b"1", SOURCE), ("node", b"2", SOURCE)]
