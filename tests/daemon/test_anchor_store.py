"""What an anchor comes back with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from meshdht.crypto.keys import AnchorWelcome, InviteKey, PacketKey, SigningKey
from meshdht.daemon.anchor_store import (
    AnchorDiskStore,
    KnownAnchor,
    anchor_key,
    load_anchor,
    save_anchor,
)
from meshdht.daemon.persistence import listen_port
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError
from meshdht.membership.anchor_link import AnchorLink
from meshdht.membership.generations import AnchorHandOver
from meshdht.store.store import Store

NEXT = AnchorWelcome(b"x" * 16)
LINK = AnchorLink(
    packet_key=PacketKey(b"k" * 32),
    generation=1,
    invite=InviteKey(b"i" * 32),
    welcome=AnchorWelcome(b"w" * 16),
    expires=1_800_000_000,
    suggested_name="vps",
    hints=(Endpoint("192.0.2.1", 9),),
)
ANCHOR = KnownAnchor(SigningKey(b"s" * 32), LINK, "vps", in_log=False)
# As anchors wrote it that had no key and stood in no log.
OLD_LINK = b"meshdht-anchor://packets/AWtra2tra2tra2tra2tra2tra2tra2tra2tra2tra2trAAAAAQBrlS_J"


def test_an_anchor_comes_back_as_it_was(tmp_path: Path) -> None:
    async def main() -> None:
        async with Store.open(tmp_path / "state.db") as store:
            assert await load_anchor(store) is None
            assert await anchor_key(store) is None
            await save_anchor(store, ANCHOR, 4242)
        async with Store.open(tmp_path / "state.db") as store:
            assert await load_anchor(store) == ANCHOR
            assert await anchor_key(store) == ANCHOR.signing
            assert await listen_port(store) == 4242

    asyncio.run(main())


def test_what_it_is_handed_is_there_at_the_next_start(tmp_path: Path) -> None:
    async def main() -> None:
        async with Store.open(tmp_path / "state.db") as store:
            await save_anchor(store, ANCHOR, 4242)
            hand_over = AnchorHandOver(2, PacketKey(b"n" * 32), LINK.welcome, NEXT)
            await AnchorDiskStore(store, ANCHOR).save_hand_over(hand_over)
        async with Store.open(tmp_path / "state.db") as store:
            known = await load_anchor(store)
            assert known is not None
            assert known.in_log
            assert (known.link.packet_key, known.link.generation) == (PacketKey(b"n" * 32), 2)
            assert known.link.welcome == NEXT
            assert known.link.invite == LINK.invite

    asyncio.run(main())


def test_a_link_of_before_anchors_had_keys_is_called_old(tmp_path: Path) -> None:
    async def main() -> None:
        async with Store.open(tmp_path / "state.db") as store:
            await store.set_meta("anchor link", OLD_LINK)
            with pytest.raises(LinkError, match="older version"):
                await load_anchor(store)

    asyncio.run(main())
