"""The manual page: man reads it, and it says what --help does."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from meshdht.cli.manual import escaped, manual
from meshdht.cli.walking import all_verbs


def test_every_verb_is_in_it_with_its_options() -> None:
    page = manual()
    for context in all_verbs():
        path = context.command_path.replace("-", r"\-")
        assert f"\\fB{path}\\fR" in page
    assert r"\fB\-\-listen\-port PORT\fR" in page
    for section in ("NAME", "SYNOPSIS", "EXIT STATUS", "ENVIRONMENT", "FILES"):
        assert f".SH {section}\n" in page


def test_no_text_is_taken_for_a_command() -> None:
    assert escaped(".so /etc/passwd") == r"\&.so /etc/passwd"
    assert escaped("'x") == r"\&'x"
    assert escaped(r"a\b -c ✔") == r"a\eb \-c \[u2714]"
    known = r"\.(TH|SH|SS|TP|PP|RS|RE|nf|fi|B)\b"
    for line in manual().splitlines():
        assert not line.startswith(("'",))
        assert not line.startswith(".") or re.match(known, line), line


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
def test_groff_has_nothing_to_complain_of() -> None:
    page = manual()
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8"],
        input=page, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert "meshdht ping [OPTIONS] PEER" in re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
