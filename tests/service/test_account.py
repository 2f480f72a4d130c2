"""Whether the service's user could read the program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from meshdht.api.errors import ApiError
from meshdht.service.account import refuse_unreadable


@pytest.fixture
def program() -> Iterator[Path]:
    """In a directory of its own: those of pytest are closed to others."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "lib" / "python"
        file.parent.mkdir()
        file.touch()
        for each in (file, *file.parents[:2]):
            each.chmod(0o755)
        yield file


def test_what_everybody_can_read_will_do() -> None:
    refuse_unreadable(Path("/usr/bin/env"))


def test_a_directory_that_is_closed_is_named(program: Path) -> None:
    program.parent.chmod(0o700)
    with pytest.raises(ApiError, match="cannot read") as refused:
        refuse_unreadable(program)
    assert refused.value.message.endswith(str(program.parent))
    assert refused.value.exit_code == 2
    assert "./mesh install" in refused.value.hint


def test_a_file_that_is_closed_is_named(program: Path) -> None:
    program.chmod(0o700)
    with pytest.raises(ApiError) as refused:
        refuse_unreadable(program)
    assert refused.value.message.endswith(str(program))


def test_a_link_into_a_home_directory_is_seen_through(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshdht.service.account.HOMES", (program.parent,))
    link = program.parent.parent / "link"
    link.symlink_to(program)
    with pytest.raises(ApiError, match="home directories"):
        refuse_unreadable(link)
