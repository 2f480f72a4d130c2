"""Finding into the network: everybody who may answer is asked, and nobody is waited for.

Sources (who is remembered, who is on the LAN, the hints of a link, anchors) are raced, as Happy
Eyeballs (RFC 8305) does with addresses: each begins at once, but for a small jitter, and asks
its endpoints one shortly after the other, so that the dead of one delay no other and a long
list is no burst. The first answer lets us in; each source is asked on until it has had a few
voices of its own, so that one that is poisoned does not alone decide whom we know. Each voice that
comes later is followed by a path of its own to our own id: liars that let us in are nearer to us
than whomever an honest voice far from us knows, and yet that one leads to who is nearer still.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Protocol

from meshdht.clock import Entropy
from meshdht.dht.inflight import Answer, RoundTripEstimate
from meshdht.dht.messages import FindNode, Nodes, WireContact
from meshdht.dht.prefix import prefix_of
from meshdht.dht.protocol import DhtProtocol
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_BOOTSTRAP_PER_SOURCE

# Within this a source begins: devices that wake together do not all speak at one moment.
JITTER_S = 0.02
# Between two endpoints of one source, on average.
STAGGER_S = 0.02
# Answers from different address prefixes after which a source has said enough.
VOICES = 2

Voice = list[WireContact]
"""Who answered, and whom it told us of."""


class FindSelf(Protocol):
    """Looks our own id up, and goes on from what each of the voices says; ``once_more``: to meet
    whom the first look-up has not met."""

    async def __call__(self, voices: Sequence[Voice], *, once_more: bool) -> None: ...


class Race:
    """One try to get in. ``on_entered`` is called once somebody has answered, and those who are
    nearest to us were found by what they said."""

    def __init__(
        self,
        protocol: DhtProtocol,
        entropy: Entropy,
        find_self: FindSelf,
        on_entered: Callable[[], None],
    ) -> None:
        self._protocol = protocol
        self._entropy = entropy
        self._find_self = find_self
        self._on_entered = on_entered
        self._queue: list[tuple[float, Endpoint]] = []
        """When to ask whom."""
        self._asked: set[Endpoint] = set()
        self._named_by: dict[Endpoint, set[str]] = {}
        self._voices: dict[str, set[str]] = {}
        """The address prefixes that answered, by source."""
        self._waiting = 0
        self._is_entering = False
        self._is_in = False
        self._told: list[Voice] = []
        self._news = asyncio.Event()

    def add(self, source: str, endpoints: Iterable[Endpoint]) -> None:
        """Ask these too; also while the race is on."""
        self._voices.setdefault(source, set())
        when = asyncio.get_running_loop().time() + self._entropy.uniform(0.0, JITTER_S)
        for endpoint in islice(endpoints, DHT_BOOTSTRAP_PER_SOURCE):
            # In the place that it has here, even if another source names it further down.
            heapq.heappush(self._queue, (when, endpoint))
            when += self._entropy.uniform(0.5, 1.5) * STAGGER_S
            self._named_by.setdefault(endpoint, set()).add(source)
        self._news.set()

    async def run(self) -> None:
        """Returns once every source has had its voices, or nobody is left to ask."""
        loop = asyncio.get_running_loop()
        used = 0
        async with asyncio.TaskGroup() as tasks:
            while self._queue or self._waiting or self._is_entering or self._may_enter(used):
                if self._may_enter(used):
                    used = len(self._told)
                    self._is_entering = True
                    tasks.create_task(self._enter())
                while self._queue and self._queue[0][0] <= loop.time():
                    endpoint = heapq.heappop(self._queue)[1]
                    if self._is_wanted(endpoint):
                        self._greet(endpoint)
                if self._queue or self._waiting or self._is_entering:
                    await self._pause()
        later = self._told[used:]
        if any(map(self._has_news, later)):
            # The first that answered may have been a liar, or know little.
            await self._find_self(later, once_more=True)

    def _may_enter(self, used: int) -> bool:
        """Somebody has told us more than the ``used`` voices that did not let us in."""
        return not self._is_entering and not self._is_in and len(self._told) > used

    async def _enter(self) -> None:
        await self._find_self(list(self._told), once_more=False)
        self._is_entering = False
        self._news.set()
        if len(self._protocol.router):
            self._is_in = True
            self._on_entered()

    async def _pause(self) -> None:
        """Until it is time to ask the next, somebody answers, or there is somebody else to ask."""
        self._news.clear()
        try:
            async with asyncio.timeout_at(self._queue[0][0] if self._queue else None):
                await self._news.wait()
        except TimeoutError:
            return

    def _is_wanted(self, endpoint: Endpoint) -> bool:
        """Whether it was not asked yet, and has something to add."""
        return endpoint not in self._asked and self._is_missed(endpoint)

    def _is_missed(self, endpoint: Endpoint) -> bool:
        """Whether a source that names it has not had its voices."""
        return any(len(self._voices[source]) < VOICES for source in self._named_by[endpoint])

    def _greet(self, endpoint: Endpoint) -> None:
        """Ask an endpoint whose id is not known; whoever answers is admitted."""
        self._asked.add(endpoint)
        estimate = RoundTripEstimate()
        request = FindNode(self._protocol.source_node.id)

        def settle(done: asyncio.Future[Answer | None]) -> None:
            self._waiting -= 1
            self._news.set()
            answer = None if done.cancelled() else done.result()
            if answer is not None:
                self._protocol.admission.answered(answer, estimate)
                self._heard(answer)

        self._waiting += 1
        self._protocol.inflight.request(
            request, endpoint, estimate, is_missed=lambda: self._is_missed(endpoint)
        ).add_done_callback(settle)

    def _heard(self, answer: Answer) -> None:
        voice: Voice = []
        if self._protocol.admission.may_enter(answer.sender):
            for source in self._named_by[answer.endpoint]:
                self._voices[source].add(prefix_of(answer.endpoint.host))
            # Whoever answered is one to start from, also if it knows nobody else.
            voice.append(WireContact(answer.sender, answer.endpoint))
        # One that our roster does not know may be a member since, and know others that are.
        if isinstance(answer.reply, Nodes):
            voice += answer.reply.contacts
        if voice:
            self._told.append(voice)

    def _has_news(self, voice: Voice) -> bool:
        """Whether it tells of somebody whom we do not know."""
        return any(
            self._protocol.admission.may_enter(contact.node_id)
            and self._protocol.router.find(contact.node_id) is None
            for contact in voice
        )
