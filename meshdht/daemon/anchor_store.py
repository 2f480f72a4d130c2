"""What an anchor comes back with: its key, its link, its port, and whether it is in the log."""

from __future__ import annotations

from dataclasses import dataclass, replace

from meshdht.crypto.keys import SigningKey
from meshdht.daemon.persistence import LISTEN_PORT, DiskStore
from meshdht.membership.anchor_link import AnchorLink, parse_anchor_link
from meshdht.membership.generations import AnchorHandOver
from meshdht.store.store import Store

_KEY = "anchor key"
_LINK = "anchor link"
_NAME = "anchor name"
_IN_LOG = "anchor in log"


@dataclass(frozen=True, slots=True)
class KnownAnchor:
    """An anchor as it is on disk."""

    signing: SigningKey
    link: AnchorLink
    name: str
    in_log: bool
    """A member has said that the log names it."""


class AnchorDiskStore(DiskStore):
    """Implements ``AnchorStore`` on a Store."""

    def __init__(self, store: Store, known: KnownAnchor) -> None:
        super().__init__(store, known.signing.log_key)
        self._known = known

    async def save_hand_over(self, hand_over: AnchorHandOver) -> None:
        link = replace(
            self._known.link,
            packet_key=hand_over.packet_key,
            generation=hand_over.generation,
            welcome=hand_over.next_welcome,
        )
        await self._store.set_meta(_LINK, str(link).encode())
        await self._store.set_meta(_IN_LOG, b"1")


async def save_anchor(store: Store, known: KnownAnchor, listen_port: int) -> None:
    """Write an anchor down; what has a link is complete."""
    await store.set_meta(_KEY, known.signing.raw)
    await store.set_meta(LISTEN_PORT, listen_port.to_bytes(2, "big"))
    await store.set_meta(_NAME, known.name.encode())
    await store.set_meta(_IN_LOG, b"1" if known.in_log else b"")
    await store.set_meta(_LINK, str(known.link).encode())


async def anchor_key(store: Store) -> SigningKey | None:
    """None for an anchor of before anchors had keys, and where there is none."""
    seed = await store.meta(_KEY)
    return None if seed is None else SigningKey(seed)


async def load_anchor(store: Store) -> KnownAnchor | None:
    """None before ``save_anchor`` was done; raises LinkError for a link that was damaged on disk
    or is of another version."""
    link = await store.meta(_LINK)
    if link is None:
        return None
    parsed = parse_anchor_link(link.decode(errors="replace"))
    signing = await anchor_key(store)
    if signing is None:
        return None
    name = (await store.meta(_NAME) or b"").decode()
    return KnownAnchor(signing, parsed, name, bool(await store.meta(_IN_LOG)))
