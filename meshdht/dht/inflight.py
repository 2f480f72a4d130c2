"""Requests that wait for a reply, and how long they may.

Round-trip times are estimated per contact after RFC 6298 (SRTT and RTTVAR, Karn's rule: no
sample from a request that was sent twice). A request is sent up to three times (or as often as
the caller says), each wait twice the last; whoever waits for it may go on with others long
before (see ``hedge_after``). A reply counts only with what proves it its sender's (see proof); a
sender of whom there is no reply key yet is asked for it by the same request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from meshdht.clock import Entropy
from meshdht.dht.messages import REPLY_TO, Pong, Reply, Request, decode_reply, encode_request
from meshdht.dht.proof import Proof
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, RemoteError
from meshdht.limits import DHT_OUTSTANDING
from meshdht.wire.packet import MESSAGE_ID_SIZE, MessageKind

# RFC 6298's 1 s is meant for streams; a look-up has others to ask meanwhile.
FIRST_TIMEOUT_S = 0.5
SHORTEST_TIMEOUT_S = 0.1
LONGEST_TIMEOUT_S = 1.5
SENDINGS = 3
_ALPHA, _BETA = 1 / 8, 1 / 4

Send = Callable[[MessageKind, bytes, bytes, Endpoint], None]
"""send(kind, message id of 8 bytes, body, to): seals and sends one control packet."""

OnSeen = Callable[[Endpoint, Endpoint], None]
"""on_seen(who, where): the node at ``who`` says that it saw us at ``where``."""


def unheard(who: Endpoint, where: Endpoint) -> None:
    """Nobody wants to know where we are seen."""


HasHeard = Callable[[Endpoint], bool]
"""has_heard(endpoint): whether we have a token of that address, so that it believes ours."""


def always(endpoint: Endpoint) -> bool:
    """Every address has heard us."""
    return True


def is_missed() -> bool:
    """The answer is wanted, whenever it comes."""
    return True


class RoundTripEstimate:
    """RFC 6298, section 2: smoothed round-trip time and its variation, in seconds."""

    __slots__ = ("smoothed", "variation")

    def __init__(self) -> None:
        self.smoothed: float | None = None
        self.variation = 0.0

    def sample(self, rtt: float) -> None:
        if self.smoothed is None:
            self.smoothed, self.variation = rtt, rtt / 2
            return
        self.variation += _BETA * (abs(self.smoothed - rtt) - self.variation)
        self.smoothed += _ALPHA * (rtt - self.smoothed)

    @property
    def timeout(self) -> float:
        if self.smoothed is None:
            return FIRST_TIMEOUT_S
        timeout = self.smoothed + 4 * self.variation
        return min(max(timeout, SHORTEST_TIMEOUT_S), LONGEST_TIMEOUT_S)

    @property
    def hedge_after(self) -> float:
        """When most replies have come: time to ask somebody else as well."""
        if self.smoothed is None:
            return FIRST_TIMEOUT_S / 2
        return min(self.smoothed + 2 * self.variation, self.timeout)


class Answer(NamedTuple):
    """A reply that came from the address asked, under the message id it was asked with."""

    sender: bytes
    """Proved: the holder of this id's key wrote the reply."""
    endpoint: Endpoint
    reply: Reply


@dataclass(slots=True)
class _Waiting:
    expected: type[Reply]
    plain: bytes
    asks: bool
    """Asks for the reply key as well; else it has a tag under that key."""
    body: bytes
    """What is sent."""
    endpoint: Endpoint
    estimate: RoundTripEstimate
    future: asyncio.Future[Answer | None]
    sent_at: float
    most: int
    wait: float = 0.0
    is_missed: Callable[[], bool] = is_missed
    sendings: int = 1
    retried: bool = False
    on_slow: Callable[[], None] | None = None
    timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class Inflight:
    """Sends requests, sends them again, matches replies, gives up."""

    def __init__(
        self,
        send: Send,
        proof: Proof,
        entropy: Entropy,
        counters: Counter[str],
        on_seen: OnSeen = unheard,
        has_heard: HasHeard = always,
    ) -> None:
        self._send = send
        self._has_heard = has_heard
        self._proof = proof
        self._on_seen = on_seen
        self._entropy = entropy
        self._counters = counters
        self._waiting: dict[bytes, _Waiting] = {}
        self.typical = RoundTripEstimate()
        """Over all contacts: what to expect of one that was never asked."""

    def request(
        self,
        request: Request,
        endpoint: Endpoint,
        estimate: RoundTripEstimate,
        on_slow: Callable[[], None] | None = None,
        *,
        node_id: bytes = b"",
        sendings: int = SENDINGS,
        is_missed: Callable[[], bool] = is_missed,
    ) -> asyncio.Future[Answer | None]:
        """Send now; the future brings the answer, or None once it is given up. ``on_slow`` is
        called if the answer takes longer than most do. ``node_id``: who should be there; empty:
        whoever answers. ``sendings``: how often it is sent at most; ``is_missed``: whether it is
        worth another sending when there was no answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer | None] = loop.create_future()
        if len(self._waiting) >= DHT_OUTSTANDING:
            self._counters["too many outstanding"] += 1
            future.set_result(None)
            return future
        message_id = self._entropy.token(MESSAGE_ID_SIZE)
        asks = not self._proof.has(node_id)
        plain = encode_request(request, padded=asks and not self._has_heard(endpoint))
        tagged = plain if asks else self._proof.tagged(plain, message_id, node_id)
        waiting = _Waiting(
            expected=REPLY_TO[type(request)],
            plain=plain,
            asks=asks,
            body=self._proof.asking(plain) if asks else tagged,
            endpoint=endpoint,
            estimate=estimate,
            future=future,
            sent_at=loop.time(),
            most=sendings,
            on_slow=on_slow,
            is_missed=is_missed,
        )
        self._waiting[message_id] = waiting
        self._start(message_id, waiting)
        return future

    def _start(self, message_id: bytes, waiting: _Waiting) -> None:
        """Send, and time it: by the contact's own estimate, or by what is typical here."""
        loop = asyncio.get_running_loop()
        known = waiting.estimate.smoothed is not None
        estimate = waiting.estimate if known else self.typical
        waiting.wait = estimate.timeout
        waiting.stop()
        if waiting.on_slow is None:
            waiting.timer = loop.call_later(waiting.wait, self._timed_out, message_id)
        else:
            ends = loop.time() + waiting.wait
            waiting.timer = loop.call_later(estimate.hedge_after, self._slow, message_id, ends)
        self._send(MessageKind.DHT_REQUEST, message_id, waiting.body, waiting.endpoint)

    def _slow(self, message_id: bytes, ends: float) -> None:
        """Most replies would have come; this one may until ``ends``, loop time."""
        waiting = self._waiting[message_id]
        waiting.timer = asyncio.get_running_loop().call_at(ends, self._timed_out, message_id)
        if waiting.on_slow is not None:
            waiting.on_slow()

    def _timed_out(self, message_id: bytes) -> None:
        waiting = self._waiting[message_id]
        if waiting.sendings == waiting.most or not waiting.is_missed():
            self._finish(message_id, None)
            return
        waiting.sendings += 1
        waiting.wait *= 2
        loop = asyncio.get_running_loop()
        waiting.timer = loop.call_later(waiting.wait, self._timed_out, message_id)
        self._send(MessageKind.DHT_REQUEST, message_id, waiting.body, waiting.endpoint)

    def retry(self, message_id: bytes, source: Endpoint) -> None:
        """The address asked wants the request again, now that it has given us a token."""
        waiting = self._waiting.get(message_id)
        if waiting is None or waiting.endpoint != source or waiting.retried:
            self._counters["unexpected retry"] += 1
            return
        waiting.retried = True
        self._start_again(message_id, waiting)

    def _start_again(self, message_id: bytes, waiting: _Waiting) -> None:
        waiting.sendings = 1
        waiting.sent_at = asyncio.get_running_loop().time()
        self._start(message_id, waiting)

    def answer(self, sender: bytes, message_id: bytes, body: bytes, source: Endpoint) -> None:
        """Take a reply, if it is one to an outstanding request, from the address asked."""
        waiting = self._waiting.get(message_id)
        if waiting is None or waiting.endpoint != source:
            self._counters["unexpected reply"] += 1
            return
        if not waiting.asks and not self._proof.has(sender):
            # Another device lives there now, or we forgot its key.
            waiting.asks, waiting.body = True, self._proof.asking(waiting.plain)
            self._start_again(message_id, waiting)
            return
        try:
            plain = self._proof.checked(body, waiting.body, message_id, sender)
            reply = decode_reply(plain)
        except RemoteError as error:
            what = "malformed reply" if isinstance(error, Malformed) else "unproved reply"
            self._counters[what] += 1
            return
        if not isinstance(reply, waiting.expected):
            self._counters["unexpected reply"] += 1
            return
        if waiting.sendings == 1:
            rtt = asyncio.get_running_loop().time() - waiting.sent_at
            waiting.estimate.sample(rtt)
            self.typical.sample(rtt)
        if isinstance(reply, Pong) and reply.seen is not None:
            self._on_seen(source, reply.seen)
        self._finish(message_id, Answer(sender, source, reply))

    def _finish(self, message_id: bytes, answer: Answer | None) -> None:
        waiting = self._waiting.pop(message_id)
        waiting.stop()
        if not waiting.future.done():
            waiting.future.set_result(answer)

    def close(self) -> None:
        """Give up everything at once."""
        for message_id in list(self._waiting):
            self._finish(message_id, None)
