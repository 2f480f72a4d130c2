"""What a device says to relays, under the names that it goes by there (wire/relay.py).

It drives bindings (paths/relay.py): sends what is due, and takes in what a relay says. Whom to meet
where, and for how long, others know: relaying.py for members, meeting.py for who is to become one.
"""

from __future__ import annotations

from functools import partial

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.control import ControlPort
from meshdht.paths.legs import Legs
from meshdht.paths.relay import Binding
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import MessageKind
from meshdht.wire.relay import (
    Bind,
    BindReply,
    Outcome,
    Wish,
    encode_bind,
    relay_side,
    relay_token,
)


class RelayClient:
    """``legs``: by which relays may be reached, and their ports."""

    def __init__(self, own: DeviceId, control: ControlPort, legs: Legs) -> None:
        self._own = own
        self._control = control
        self._legs = legs

    def names(self, key: BoxKey, relay: DeviceId, slot: int) -> tuple[bytes, DeviceId]:
        """At a relay, the token for us and whom we share a key with, and what we are called."""
        return relay_token(key, relay, slot), relay_side(key, self._own, relay, slot)

    def binding(
        self,
        key: BoxKey,
        relay: DeviceId,
        main: Endpoint,
        slot: int,
        rtt_s: float | None = None,
    ) -> Binding:
        """One to poll, at a relay that is reached at ``main``, for whom we share the key with."""
        token, side = self.names(key, relay, slot)
        at_port = partial(self._legs.at_port, main)
        now = self._control.clock.monotonic()
        return Binding(relay, main, slot, token, side, at_port, now, rtt_s)

    def poll(self, binding: Binding) -> None:
        """Send what is due; it may be over then."""
        message_id = self._control.draw_message_id()
        to = binding.poll(self._control.clock.monotonic(), message_id)
        if to is not None:
            self.say(Bind(binding.token, binding.wish), binding.side, message_id, to)

    def heard(self, binding: Binding, incoming: Incoming, reply: BindReply) -> bool:
        """A relay said this by the binding's token; False if it answers nothing of ours."""
        now = self._control.clock.monotonic()
        if not binding.handle(incoming.source, incoming.packet.message_id, reply, now):
            return False
        if reply.outcome is Outcome.GO_TO_PORT and binding.there is not None:
            self._control.echo_alike(binding.there, binding.main)
        return True

    def let_go(self, binding: Binding) -> None:
        """Give back what the relay lends; a farewell may get lost."""
        message_id = self._control.draw_message_id()
        self.say(Bind(binding.token, Wish.LET_GO), binding.side, message_id, binding.main)

    def say(self, bind: Bind, side: DeviceId, message_id: bytes, to: Endpoint) -> None:
        """Send one bind."""
        body = encode_bind(bind)
        self._control.send(MessageKind.RELAY_BIND, message_id, body, to, sender=side)
