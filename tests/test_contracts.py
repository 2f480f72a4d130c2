"""Who may import whom: import-linter's contracts, and what a short-lived command really loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Heavy packages that a command line which only asks the daemon must not pay for.
HEAVY = ["aiosqlite", "asyncio", "cryptography", "kademlia", "libnacl", "pyroute2", "rich", "segno"]

RUN_AND_LIST = """
import json, sys
from meshdht.cli.main import main
main(sys.argv[1:])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_every_import_contract_is_kept() -> None:
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout


@pytest.mark.parametrize("verb", ["status", "version", "peers"])
def test_a_verb_that_only_asks_loads_nothing_heavy(verb: str, tmp_path: Path) -> None:
    directories = ["--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-c", RUN_AND_LIST, *directories, verb],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(result.stdout.splitlines()[-1])
    assert "meshdht" in loaded
    assert [name for name in [*HEAVY, "textual", "meshdht_tui"] if name in loaded] == []
