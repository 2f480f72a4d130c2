"""Writes to the state.db of argv[1] until it is killed; prints what has been acknowledged."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from meshdht.store.rows import StatementRow, ValueRow
from meshdht.store.store import Store


async def main() -> None:
    async with Store.open(Path(sys.argv[1])) as store, asyncio.TaskGroup() as group:
        group.create_task(store.run())
        while True:
            print("sequence", await store.next_sequence(0), flush=True)
            statement = os.urandom(16).hex()
            await store.append_statements(
                [StatementRow(statement.encode(), statement.encode(), None)]
            )
            print("statement", statement, flush=True)
            key = os.urandom(20)
            store.put_value(ValueRow(key, bytes(800), 1, 1e10, "own"))
            store.when_written(partial(print, "value", key.hex(), flush=True))
            await asyncio.sleep(0.002)


asyncio.run(main())
