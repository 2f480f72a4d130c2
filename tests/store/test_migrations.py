from __future__ import annotations

from pathlib import Path

import aiosqlite
import pytest

from meshdht.errors import StateError
from meshdht.store import migrations
from meshdht.store.store import Store


async def test_a_database_takes_only_the_steps_it_has_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Store.open(tmp_path / "state.db") as store:
        assert await store.next_sequence(5) == 5
    later = (*migrations.STEPS, ("CREATE TABLE added (number INTEGER) STRICT",))
    monkeypatch.setattr(migrations, "STEPS", later)
    monkeypatch.setattr(migrations, "VERSION", len(later))
    async with Store.open(tmp_path / "state.db") as store:
        assert await store.next_sequence(0) == 6
        assert await store._rows("PRAGMA user_version") == [(len(later),)]
        assert await store._rows("SELECT * FROM added") == []


async def test_a_step_that_fails_leaves_the_schema_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Store.open(tmp_path / "state.db"):
        pass
    broken = (*migrations.STEPS, ("CREATE TABLE half (number INTEGER) STRICT", "NONSENSE"))
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", broken)
        patch.setattr(migrations, "VERSION", len(broken))
        with pytest.raises(StateError, match="cannot be used"):
            async with Store.open(tmp_path / "state.db"):
                pass
    async with aiosqlite.connect(tmp_path / "state.db") as database:
        tables = await database.execute_fetchall("SELECT name FROM sqlite_schema")
        version = await database.execute_fetchall("PRAGMA user_version")
    assert ("half",) not in list(tables)
    assert list(version) == [(migrations.VERSION,)]


async def test_secrets_of_the_first_schema_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:1])
        patch.setattr(migrations, "VERSION", 1)
        async with Store.open(tmp_path / "state.db") as store:
            for number in (1, 2):
                await store._write(
                    "INSERT INTO secrets VALUES (?, ?)", number, bytes([number]) * 32
                )
    async with Store.open(tmp_path / "state.db") as store:
        rows = await store.generations()
    assert [(row.number, row.secret.raw[0], row.use.value) for row in rows] == [
        (1, 1, "over"),
        (2, 2, "current"),
    ]
