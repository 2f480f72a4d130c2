"""How the NAT on our side behaves (RFC 4787), from what others see of us. Sans-IO; IPv4 alone.

*Mapping* (section 4.1): observers at different endpoints say which outer endpoint they see. The
same for all: endpoint-independent. Others for each: dependent, on the address alone if two ports
of one address see the same, else on both.

*Filtering* (section 5): who got in to whom we had not sent. From an address that we had never sent
to: endpoint-independent. From another port of one that we had: address-dependent. If neither gets
in when it was asked to, the filter goes by addresses and ports.

An address prefix has one voice on the mapping, its last word: among three others or more, one
that lies changes nothing. That something got in is known to ourselves; that nothing did is
believed of one that says it tried, and makes us think ourselves worse off than we are, at most.
"""

from __future__ import annotations

import enum
import math
from collections import Counter, OrderedDict
from dataclasses import dataclass

from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_OBSERVERS

# What an observer said last counts for so long: a router that began anew shows other ports.
WORD_S = 20 * 60.0
# Another judgement than before counts once it has stood so long: while a router's new mapping is
# found out, its observers contradict each other.
SETTLED_S = 30.0


class Mapping(enum.StrEnum):
    """What the outer endpoint depends on."""

    UNKNOWN = "unknown"
    NONE = "none"
    """There is no NAT: others see an address of our own."""
    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"


class Filtering(enum.StrEnum):
    """Who is let in at a mapping: everybody, or who was sent to."""

    UNKNOWN = "unknown"
    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is known of the NAT on our side."""

    mapping: Mapping = Mapping.UNKNOWN
    filtering: Filtering = Filtering.UNKNOWN
    port_preserved: bool | None = None
    """Whether the outer port is the inner one; None: unknown."""
    hairpin: bool | None = None
    """Whether two inside reach each other by their outer endpoints; None: not tried."""

    @property
    def is_hard(self) -> bool:
        """Whether each peer sees us at another endpoint, which nobody can foresee."""
        return self.mapping in (Mapping.ADDRESS_DEPENDENT, Mapping.ADDRESS_AND_PORT_DEPENDENT)

    @property
    def is_easy(self) -> bool:
        """Whether one outer endpoint of ours serves all peers."""
        return self.mapping in (Mapping.NONE, Mapping.ENDPOINT_INDEPENDENT)


@dataclass(frozen=True, slots=True)
class _Word:
    seen_as: Endpoint
    own: bool
    at: float


class NatJudge:
    """Hears what others see, and judges."""

    def __init__(self) -> None:
        self._words: OrderedDict[str, OrderedDict[Endpoint, _Word]] = OrderedDict()
        """By prefix, then by the observer's endpoint: the last two of each, the newest last."""
        self._told = Behaviour()
        self._pending: tuple[Behaviour, float] = (self._told, 0.0)
        self.forget()

    def forget(self, port: int = 0) -> None:
        """Our network changed; ``port`` is the one that our interfaces have."""
        self._words.clear()
        self._port = port
        self._let_in = Filtering.UNKNOWN
        self._is_refused = False
        self.hairpin: bool | None = None
        """What a probe to our own outer endpoint showed."""
        self._told = Behaviour()
        self._pending = (self._told, -math.inf)

    # --- what is heard -----------------------------------------------------------------------

    def observed(
        self, prefix: str, by: Endpoint, seen_as: Endpoint, now: float, *, own: bool
    ) -> None:
        """An observer at ``by``, in this prefix, sees us as ``seen_as``; ``own``: that is an
        endpoint of an interface of ours."""
        voices = self._words.setdefault(prefix, OrderedDict())
        voices[by] = _Word(seen_as, own, now)
        voices.move_to_end(by)
        self._words.move_to_end(prefix)
        if len(voices) > 2:
            voices.popitem(last=False)
        if len(self._words) > MAX_OBSERVERS:
            self._words.popitem(last=False)

    def got_in(self, *, knew_address: bool) -> None:
        """A packet came from an endpoint that nothing was sent to; ``knew_address``: something
        was sent to another port there."""
        if not knew_address:
            self._let_in = Filtering.ENDPOINT_INDEPENDENT
        elif self._let_in is not Filtering.ENDPOINT_INDEPENDENT:
            self._let_in = Filtering.ADDRESS_DEPENDENT

    def kept_out(self) -> None:
        """Somebody that we send to says that it sent from another port, and nothing came."""
        self._is_refused = True

    # --- what is made of it ------------------------------------------------------------------

    @property
    def filtering(self) -> Filtering:
        """What got in counts for more than what did not."""
        if self._let_in is Filtering.UNKNOWN and self._is_refused:
            return Filtering.ADDRESS_AND_PORT_DEPENDENT
        return self._let_in

    def judge(self, now: float) -> Behaviour:
        """What the observations say right now."""
        voices = [
            [word for word in voices.values() if now - word.at < WORD_S]
            for voices in self._words.values()
        ]
        last = [words[-1] for words in voices if words]
        preserved: bool | None = None
        if last:
            agreed, most = Counter(word.seen_as for word in last).most_common(1)[0]
            if 2 * most > len(last):
                preserved = agreed.port == self._port
        return Behaviour(self._mapping(voices, last), self.filtering, preserved, self.hairpin)

    def _mapping(self, voices: list[list[_Word]], last: list[_Word]) -> Mapping:
        if 2 * sum(word.own for word in last) > len(last):
            return Mapping.NONE
        pairs = [words for words in voices if len(words) == 2]
        same = sum(one.seen_as == two.seen_as for one, two in pairs)
        if len(last) == 1:
            # One observer's two ports tell what depends on ports. Mappings that depend on the
            # address alone are rare: taken for one, it is found out by the next observer.
            if not pairs:
                return Mapping.UNKNOWN
            return Mapping.ENDPOINT_INDEPENDENT if same else Mapping.ADDRESS_AND_PORT_DEPENDENT
        if not last:
            return Mapping.UNKNOWN
        most = Counter(word.seen_as for word in last).most_common(1)[0][1]
        if most >= 2 and 2 * most > len(last):
            return Mapping.ENDPOINT_INDEPENDENT
        if 2 * same > len(pairs):
            return Mapping.ADDRESS_DEPENDENT
        return Mapping.ADDRESS_AND_PORT_DEPENDENT

    def told(self, now: float) -> Behaviour:
        """What is to be told to others: a judgement that has stood for SETTLED_S, or the first."""
        judgement = self.judge(now)
        if judgement != self._pending[0]:
            self._pending = (judgement, now)
        is_first = self._told.mapping is Mapping.UNKNOWN
        if is_first or now - self._pending[1] >= SETTLED_S:
            self._told = judgement
        return self._told
