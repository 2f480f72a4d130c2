"""Who a device is, in which network, and the secrets of the network's generations that it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from meshdht.crypto.keys import DeviceId, NetworkId, PacketKey, SigningKey, WireGuardPrivateKey
from meshdht.limits import FORMER_KEYS, OLDER_GENERATIONS, OLDER_GENERATIONS_S, WAITING_GENERATIONS
from meshdht.membership.generations import Generation


@dataclass(frozen=True, slots=True)
class OtherGeneration:
    """A generation that is not in use."""

    generation: Generation
    since: float
    """Unix seconds: when its use ended, or when it came."""
    is_over: bool
    """The log has said that it is not the current one, or it was used; else it waits for the log
    to bear it out."""


@dataclass(slots=True)
class Identity:
    """All the secrets of one device in one network.

    The parts of a node share one: ``use`` changes for all of them the keys that follow from the
    network secret.
    """

    signing: SigningKey
    wireguard: WireGuardPrivateKey
    network: NetworkId
    generation: Generation
    """The one in use."""
    others: tuple[OtherGeneration, ...] = ()
    """The latest last."""
    former: tuple[SigningKey, ...] = ()
    """The keys that the device had before, the last one last."""

    def heir(self, signing: SigningKey, wireguard: WireGuardPrivateKey) -> Identity:
        """The same device by other keys."""
        former = (*self.former, self.signing)[-FORMER_KEYS:]
        return replace(self, signing=signing, wireguard=wireguard, former=former)

    @property
    def device(self) -> DeviceId:
        return self.signing.public.device_id

    def learn(self, generation: Generation, unix: float) -> bool:
        """Keep a secret until the log bears it out; whether it was new."""
        if self.held(generation.commitment(self.network)) is not None:
            return False
        self._keep(OtherGeneration(generation, unix, is_over=False))
        return True

    def use(self, generation: Generation, unix: float) -> None:
        """Go over to a generation; the one in use is remembered as an older one."""
        if generation == self.generation:
            return
        last = OtherGeneration(self.generation, unix, is_over=True)
        self.others = tuple(each for each in self.others if each.generation != generation)
        self.generation = generation
        self._keep(last)

    def end(self, commitment: bytes, unix: float) -> bool:
        """The log knows a generation that waits, and has another for the current one; whether it
        did wait."""
        waits = [each for each in self.others if not each.is_over]
        found = [each for each in waits if each.generation.commitment(self.network) == commitment]
        for each in found:
            ended = replace(each, since=unix, is_over=True)
            self.others = tuple(ended if other is each else other for other in self.others)
        return bool(found)

    def forget_old(self, unix: float) -> bool:
        """Let go of what is over for long; whether there was such."""
        kept = tuple(each for each in self.others if unix - each.since < OLDER_GENERATIONS_S)
        changed = kept != self.others
        self.others = kept
        return changed

    def _keep(self, other: OtherGeneration) -> None:
        self.others += (other,)
        for is_over, most in ((True, OLDER_GENERATIONS), (False, WAITING_GENERATIONS)):
            same = [each for each in self.others if each.is_over is is_over]
            dropped = same[: max(0, len(same) - most)]
            self.others = tuple(each for each in self.others if each not in dropped)

    def held(self, commitment: bytes) -> Generation | None:
        """The generation that was committed to so, if its secret is held."""
        every = (self.generation, *(each.generation for each in self.others))
        return next((each for each in every if each.commitment(self.network) == commitment), None)

    @property
    def other_packet_keys(self) -> list[PacketKey]:
        """Those of the other generations, the latest first."""
        return [each.generation.secret.packet_key for each in reversed(self.others)]

    def under(self, key: PacketKey | None) -> Generation:
        """The generation whose packet key this is; None: the one in use."""
        for each in self.others:
            if key is not None and each.generation.secret.packet_key == key:
                return each.generation
        return self.generation

    def waits(self, generation: Generation) -> bool:
        """Whether a generation waits for the log to bear it out."""
        return any(each.generation == generation and not each.is_over for each in self.others)
