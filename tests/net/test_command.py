"""Programs that are run to their end."""

from __future__ import annotations

import pytest

from meshdht.errors import PlatformError
from meshdht.net import command
from meshdht.net.command import run_command


async def test_a_program_is_fed_what_it_is_to_read() -> None:
    await run_command("sh", "-c", 'read line; [ "$line" = hello ]', said="hello\n")


async def test_a_complaint_is_passed_on_with_what_to_do() -> None:
    with pytest.raises(PlatformError, match="sh: not allowed") as caught:
        await run_command("sh", "-c", "echo not allowed >&2; echo more >&2; exit 3", hint="ask")
    assert caught.value.hint == "ask"


async def test_a_failure_without_a_word_is_one_too() -> None:
    with pytest.raises(PlatformError, match="sh: no reason given"):
        await run_command("sh", "-c", "exit 1")


async def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(PlatformError, match="there is no meshdht-nowhere"):
        await run_command("meshdht-nowhere")


async def test_a_program_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "TIMEOUT_S", 0.1)
    with pytest.raises(PlatformError, match="sleep takes more than"):
        await run_command("sleep", "60")
