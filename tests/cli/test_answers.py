"""What verbs print that is no message of the API."""

from __future__ import annotations

import msgspec

from meshdht.api.messages import PeerRemoved
from meshdht.cli.answers import Peers, Release, Up, Waited, Watched


def test_each_has_a_version_first() -> None:
    answers = [
        Peers(network="home", peers=()),
        Release(meshdht="0.1.0", python="3.12"),
        Up(network="home", device="nas", addresses=()),
        Waited(network="home", waited_s=0.1),
        Watched(at=1.0, event=PeerRemoved("p")),
    ]
    for answer in answers:
        assert msgspec.json.encode(answer).startswith(b'{"version":1,')
