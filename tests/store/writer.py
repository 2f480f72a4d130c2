"""Writes to the state.db of argv[1] until it is killed; prints what has been acknowledged."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from meshdht.store.rows import ValueRow
from meshdht.store.store import Store


async def main() -> None:
    async with Store.open(Path(sys.argv[1])) as store, asyncio.TaskGroup() as group:
        group.create_task(store.run())
        while True:
            print("sequence", await store.next_sequence(0), flush=True)
            statement = os.urandom(16).hex()
            await store.append_statement(statement.encode(), statement.encode())
            print("statement", statement, flush=True)
            store.put_value(ValueRow(os.urandom(20), bytes(800), 1, 1e10, "own"))


asyncio.run(main())
