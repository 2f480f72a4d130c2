"""How others have a node explain its paths."""

from __future__ import annotations

from dataclasses import replace

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.streaming import NodeStreams
from meshdht.node.why import Situation, why
from meshdht.paths.account import PairAccount, PairState, account
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import NatBehaviour


class NodeReasons(NodeStreams):
    """The part of a ``Node`` that says why a device is reached as it is."""

    def account(self, device: DeviceId) -> list[PairAccount]:
        """What became of each way to a device, and of what it names beside these."""
        agent = self._peers.agent(device)
        tried = account(agent, self._control.clock.monotonic()) if agent is not None else []
        known = {each.endpoint for each in tried}
        named = [each for each in self.whereabouts(device) if each not in known]
        return [self._judged(each) for each in tried] + [self._untried(each) for each in named]

    def _judged(self, one: PairAccount) -> PairAccount:
        if one.answered_s is None and not self._control.has_address_for(one.endpoint):
            return replace(one, state=PairState.UNREACHABLE)
        return one

    def _untried(self, endpoint: Endpoint) -> PairAccount:
        vantage = self._peers.vantage
        state = PairState.NEW if vantage.may_probe(endpoint) else PairState.REFUSED
        return PairAccount(endpoint, vantage.kind_of(endpoint), state)

    @property
    def own_nat(self) -> NatBehaviour:
        """How the NAT before this device behaves, as far as is known."""
        return self._peers.vantage.nat

    def peer_nat(self, device: DeviceId) -> NatBehaviour:
        """How the NAT before a device behaves, as it says itself."""
        record = self._holdings.cache.record(device)
        return record.nat if record is not None else NatBehaviour.UNKNOWN

    def why(self, device: DeviceId) -> str:
        """Why a device is not reached directly, or not at all; empty if it is."""
        kind = self.path(device).kind
        if kind in (PathKind.LAN, PathKind.DIRECT):
            return ""
        return why(
            kind,
            Situation(
                self.own_nat,
                self.peer_nat(device),
                self.is_cut_off(),
                self._holdings.cache.record(device) is not None,
                self.account(device),
            ),
        )
