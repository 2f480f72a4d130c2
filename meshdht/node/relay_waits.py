"""What a device that cannot be called does to be found: it waits at relays.

Calls come by way of members. Who has no path to any, and knows relays, tells these now and then for
whom it waits, by the tokens that these would bind (wire/relay.py); a relay tells it at once when
one is bound. It learns no more of the two than if they had bound. Whoever has been invited is
waited for likewise, at anchors (invite_meetings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import RELAY_WAITS_MAX
from meshdht.node.control import ControlPort
from meshdht.node.invite_meetings import InviteMeetings
from meshdht.node.peers import Peers
from meshdht.node.relay_client import RelayClient
from meshdht.node.relay_places import WIDTH, RelayPlace, RelayPlaces, nearest_first
from meshdht.wire.relay import SLOT_S, Bind, BindReply, Outcome, Wish

# How often we say that we wait; the least patient NATs forget a mapping after 30 s.
AGAIN_S = 25.0
# Network time follows other clocks if they differ by more than this.
SKEW_S = 600.0


@dataclass(slots=True)
class _Wait:
    device: DeviceId
    place: RelayPlace
    slot: int
    bind: Bind
    side: DeviceId
    message_id: bytes
    is_proved: bool = False
    """It was said again, with the token that the relay gave."""


class RelayWaits:
    """``lonely()`` are the peers to wait for, ``on_called(device, place, slot)`` hears of one that
    has bound."""

    def __init__(
        self,
        client: RelayClient,
        control: ControlPort,
        peers: Peers,
        places: RelayPlaces,
        lonely: Callable[[], Sequence[DeviceId]],
        meetings: InviteMeetings,
        on_called: Callable[[DeviceId, RelayPlace, int], None],
    ) -> None:
        self._client = client
        self._control = control
        self._peers = peers
        self._places = places
        self._lonely = lonely
        self._meetings = meetings
        self._on_called = on_called
        self._waits: dict[bytes, _Wait] = {}
        """By token."""
        self._invited: frozenset[DeviceId] = frozenset()
        """Who may come by an invite, and we said that we wait for."""
        self._due = 0.0

    def restart(self) -> None:
        """Relays see us elsewhere from now on."""
        self._due = 0.0

    def say(self, now: float) -> None:
        """Say for whom we wait, if it is time."""
        invited = self._meetings.open()
        if now < self._due and self._invited.issuperset(invited):
            return
        self._waits = {}
        lonely = self._lonely()[:RELAY_WAITS_MAX]
        if not (lonely or invited):
            return
        places = nearest_first(self._places.known(now).values())
        able = [place for place in places if not self._places.is_shunned(place.relay, now)]
        if not able:
            return
        self._due, self._invited = now + AGAIN_S, frozenset(invited)
        unix = self._control.clock.unix()
        # The other's clock may be in another slot, as far as clocks differ.
        slots = sorted({int(unix + skew_s) // SLOT_S for skew_s in (-SKEW_S, SKEW_S)})
        for device in lonely:
            if (key := self._peers.box_key(device)) is not None:
                for place in able[:WIDTH]:
                    self._wait_for(device, key, place, slots)
        anchors = [place for place in able if self._meetings.is_anchor(place.relay)]
        for comer, by in invited.items():
            for place in anchors[:WIDTH]:
                self._wait_for(comer, by.key, place, [by.slot])

    def _wait_for(
        self, device: DeviceId, key: BoxKey, place: RelayPlace, slots: Sequence[int]
    ) -> None:
        for slot in slots:
            token, side = self._client.names(key, place.relay, slot)
            message_id = self._control.draw_message_id()
            bind = Bind(token, Wish.WAIT)
            wait = self._waits[token] = _Wait(device, place, slot, bind, side, message_id)
            self._send(wait)

    def _send(self, wait: _Wait) -> None:
        self._client.say(wait.bind, wait.side, wait.message_id, wait.place.endpoint)

    def handle(self, source: Endpoint, message_id: bytes, reply: BindReply, now: float) -> bool:
        """A relay said something; whether it is about what we wait for."""
        wait = self._waits.get(reply.token)
        if wait is None or message_id != wait.message_id or source != wait.place.endpoint:
            return False
        if reply.outcome is Outcome.PROVE and not wait.is_proved:
            wait.is_proved = True
            self._send(wait)
        elif reply.outcome is Outcome.CALLED:
            del self._waits[reply.token]
            self._on_called(wait.device, wait.place, wait.slot)
        elif reply.outcome is Outcome.FULL and wait.device in self._invited:
            pass  # two others wait for whoever comes by this invite
        elif reply.outcome.is_refusal:
            self._places.shun(wait.place.relay, now)
        return True
