"""The schema of state.db, as the steps that lead to it; ``PRAGMA user_version`` counts them.

A step that has been released is never edited: a change is one more step. Each runs in one
transaction with its count, so that a crash leaves the schema before it or after it.
"""

from __future__ import annotations

import aiosqlite

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE secrets (generation INTEGER PRIMARY KEY, secret BLOB NOT NULL) STRICT",
        """CREATE TABLE statements (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            hash BLOB NOT NULL UNIQUE,
            bytes BLOB NOT NULL
        ) STRICT""",
        """CREATE TABLE own_sequence (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            sequence INTEGER NOT NULL
        ) STRICT""",
        """CREATE TABLE high_water (
            device BLOB PRIMARY KEY, sequence INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE dht_values (
            key BLOB PRIMARY KEY,
            value BLOB NOT NULL,
            sequence INTEGER NOT NULL,
            expires REAL NOT NULL,
            source TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE contacts (
            node BLOB PRIMARY KEY,
            host TEXT NOT NULL,
            port INTEGER NOT NULL,
            last_seen REAL NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE peers (
            device BLOB PRIMARY KEY,
            host TEXT NOT NULL,
            port INTEGER NOT NULL,
            last_seen REAL NOT NULL
        ) STRICT, WITHOUT ROWID""",
    ),
    (
        # Two admins who rotate apart from each other make two generations of one number.
        """CREATE TABLE generations (
            secret BLOB PRIMARY KEY,
            number INTEGER NOT NULL,
            since REAL NOT NULL,
            use TEXT NOT NULL CHECK (use IN ('current', 'waiting', 'over'))
        ) STRICT""",
        """INSERT INTO generations
            SELECT secret, generation, unixepoch(),
                iif(generation = (SELECT max(generation) FROM secrets), 'current', 'over')
            FROM secrets""",
        "DROP TABLE secrets",
    ),
    (
        # NULL: stored by an earlier version, to be verified once more.
        "ALTER TABLE statements ADD COLUMN mark BLOB",
    ),
)
VERSION = len(STEPS)


async def migrate(database: aiosqlite.Connection) -> None:
    """Run the steps that the database has not seen."""
    cursor = await database.execute("PRAGMA user_version")
    row = await cursor.fetchone()
    assert row is not None
    for version in range(row[0], VERSION):
        await database.execute("BEGIN IMMEDIATE")
        try:
            for statement in STEPS[version]:
                await database.execute(statement)
            await database.execute(f"PRAGMA user_version = {version + 1}")
            await database.execute("COMMIT")
        except BaseException:
            await database.rollback()
            raise
