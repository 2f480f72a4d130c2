"""``meshdht recover``: the key comes from a file or stdin, or is typed unseen."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from meshdht.api.device_messages import Recover
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht

KEY = "ABCD-" * 13 + "EFGH"


def test_the_key_comes_from_a_file_or_stdin_and_is_not_repeated(
    meshdht: Meshdht, service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    said = meshdht("recover", "--key-file", str(file))
    assert (said.code, said.out) == (0, "nas is an admin now, senior to all others\n")
    assert said.err.startswith("next: meshdht revoke DEVICE")
    monkeypatch.setattr("sys.stdin", io.StringIO(KEY))
    told = json.loads(meshdht("recover", "--key-file", "-", "--json").out)
    assert (told["version"], told["device"]["name"], told["changed"]) == (1, "nas", True)
    assert service.administration.asked == [Recover(key=KEY)] * 2
    assert KEY not in repr(service.administration.asked)


def test_whoever_cannot_be_asked_says_where_it_is(meshdht: Meshdht, service: FakeService) -> None:
    said = "meshdht: recovery key: nobody can be asked\n  try: say --key-file FILE\n"
    assert meshdht("recover") == (2, "", said)
    assert service.administration.asked == []
