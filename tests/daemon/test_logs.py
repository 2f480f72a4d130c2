"""What a line of the log looks like, in a file and in the journal."""

from __future__ import annotations

import logging
import os
import sys
import tempfile

import pytest

from meshdht.daemon.logs import JournalFormatter, writes_to_journal


def test_the_journal_is_told_the_level_of_every_line() -> None:
    formatter = JournalFormatter("%(name)s: %(message)s")
    record = logging.LogRecord("node", logging.WARNING, "", 1, "a\nb", None, None)
    assert formatter.format(record) == "<4>node: a\n<4>b"


def test_stderr_is_the_journals_if_it_is_the_file_that_systemd_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryFile("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        found = os.fstat(stream.fileno())
        assert not writes_to_journal()
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert writes_to_journal()
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:1")
        assert not writes_to_journal()
