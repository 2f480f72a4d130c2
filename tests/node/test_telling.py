from __future__ import annotations

from meshdht.clock import SeededEntropy
from meshdht.endpoint import Endpoint
from meshdht.gossip.messages import Statements, open_gossip
from meshdht.membership.administration import RenameBody
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.network_time import NetworkTime
from meshdht.node.telling import tell_beyond
from meshdht.wire.packet import open_packet
from simulations.loop import VirtualClock, run
from tests.membership.household import Household, signing_key
from tests.node.test_identity import fresh, generation

PLACE = Endpoint("192.0.2.7", 41820)


def test_who_wrote_something_is_told_what_it_did_not_know_under_its_own_keys() -> None:
    async def told() -> None:
        household, identity, sent = Household(), fresh(), list[tuple[bytes, Endpoint]]()
        key = signing_key(0).public
        common = household.write(RenameBody(key, "one"))
        mine = household.write(RenameBody(key, "two"), parents=[common.hash])
        theirs = household.write(RenameBody(key, "three"), parents=[common.hash])
        clock = NetworkTime(VirtualClock())
        holdings = NodeHoldings(identity, household.log, clock, _nothing, _nothing)
        keep, entropy = generation(1).secret.packet_key, SeededEntropy(1)
        control = ControlPort(
            identity.device, keep, lambda data, to: sent.append((data, to)), clock, entropy
        )
        tell_beyond(identity, control, holdings, [theirs.hash], PLACE, generation(2))
        [(datagram, to)] = sent
        secret = generation(2).secret
        packet = open_packet(datagram, secret.packet_key)
        message = open_gossip(secret.gossip_key, identity.device, packet.body)
        assert to == PLACE
        assert message == Statements((mine.raw,))

    run(told())


def _nothing(_: object) -> None:
    """Nobody asked."""
