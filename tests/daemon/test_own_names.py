"""Names that an admin adds, by the running node."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.api.device_messages import RenameDevice
from meshdht.api.name_messages import AddName, ChangedName, NameChange
from meshdht.api.name_messages import RemoveName as Remove
from meshdht.daemon import own_names
from meshdht.errors import MeshdhtError, UsageError
from simulations.loop import run
from tests.daemon.served import Served, served


async def change(served: Served, request: NameChange) -> ChangedName:
    return await served.service.administration.change_name(request)


def add(name: str, value: str) -> AddName:
    return AddName(name=name, value=value)


async def names(served: Served) -> dict[str, list[str]]:
    """What admins added, as this device tells it."""
    told: dict[str, list[str]] = {}
    for each in (await served.service.administration.names()).names:
        if not each.device:
            told.setdefault(each.name, []).append(each.value)
    return told


def test_a_name_is_known_on_every_device_and_gone_when_it_is_taken_away() -> None:
    async def main() -> None:
        async with served(3) as (_, (first, second, _)):
            told = await change(first, add("wiki.home.internal", "100.99.0.9"))
            assert (told.name, told.zone, told.changed) == ("wiki", "home.internal", True)
            [entry] = told.entries
            assert (entry.kind, entry.value, entry.by) == ("A", "100.99.0.9", "d0")
            assert not (await change(first, add("wiki", "100.99.0.9"))).changed
            await change(first, add("wiki", "fd00::9"))
            await change(first, add("blog", "d1"))
            await asyncio.sleep(1)
            assert await names(second) == {
                "blog": ["d1.home.internal"], "wiki": ["100.99.0.9", "fd00::9"]
            }  # fmt: skip
            listed = (await second.service.administration.names()).names
            assert [each.name for each in listed] == [
                "blog", "d0", "d0", "d1", "d1", "d2", "d2", "wiki", "wiki"
            ]  # fmt: skip
            await change(first, Remove(name="wiki", value="fd00::9"))
            await change(first, Remove(name="blog"))
            await asyncio.sleep(1)
            assert await names(second) == {"wiki": ["100.99.0.9"]}

    run(main())


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (add("d1", "100.99.0.9"), "a device is called 'd1'"),
        (add("No Label", "100.99.0.9"), "cannot be a name"),
        (add("wiki", "nowhere"), "there is no name 'nowhere'"),
        (add("wiki", "wiki"), "wiki would stand for itself"),
        (add("news", "blog"), "news would stand for itself"),
        (add("blog", "100.99.0.9"), "can only stand alone"),
        (add("many", "d1"), "can only stand alone"),
        (add("many", "100.99.0.99"), "has 8 addresses already"),
        (add("third", "100.99.0.9"), "has 2 names of its own already"),
        (Remove(name="d1"), "'d1' is a device's"),
        (Remove(name="wiki"), "no name that an admin added"),
        (Remove(name="many", value="100.99.0.99"), "many does not stand for"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    request_: NameChange, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with served(2) as (_, (first, _)):
            for last in range(8):
                await change(first, add("many", f"100.99.0.{last + 1}"))
            await change(first, add("news", "d1"))
            await change(first, add("blog", "news"))
            if complaint.startswith("has 2"):
                await change(first, Remove(name="blog"))
                monkeypatch.setattr(own_names, "EXTRA_NAMES_MAX", 2)
            elif complaint.startswith("news"):
                await change(first, Remove(name="news"))
            before = len(first.machine.node.holdings.log)
            with pytest.raises(UsageError) as refused:
                await change(first, request_)
            assert complaint in refused.value.message
            assert len(first.machine.node.holdings.log) == before

    run(main())


def test_only_an_admins_device_names_things() -> None:
    async def main() -> None:
        async with served(2) as (_, (_, second)):
            with pytest.raises(MeshdhtError, match="only an admin may name things"):
                await change(second, add("wiki", "100.99.0.9"))

    run(main())


def test_no_device_takes_a_name_that_stands() -> None:
    async def main() -> None:
        async with served(2) as (_, (first, _)):
            await change(first, add("wiki", "100.99.0.9"))
            with pytest.raises(UsageError, match="'wiki' is a name of the network"):
                await first.service.administration.change(RenameDevice(device="d1", name="wiki"))

    run(main())
