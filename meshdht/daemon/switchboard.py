"""Who gets the control packets of the port: first nobody, then the joiner, then the node."""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.endpoint import Endpoint
from meshdht.net.udp import Receiver


def _nobody(datagram: bytes, source: Endpoint) -> None:
    return


@dataclass(slots=True)
class Switchboard:
    """The port is opened before those who use it exist."""

    control: Receiver = _nobody

    def control_received(self, datagram: bytes, source: Endpoint) -> None:
        self.control(datagram, source)
