"""The transcript runs every verb, and each ends as it should."""

from __future__ import annotations

import pytest

from tests.transcript.__main__ import known_verbs, main, unused_verbs
from tests.transcript.steps import verbs_of


def test_every_verb_of_the_command_line_has_a_step() -> None:
    """A new one gets an example in tests/transcript/steps.py."""
    assert unused_verbs() == set()


def test_verbs_are_found_in_a_line_of_shell() -> None:
    known = known_verbs()
    assert verbs_of("echo x | meshdht anchor up --link-file -", known) == {"meshdht anchor up"}
    assert verbs_of("meshdht daemon & meshdht wait; kill $!", known) == {
        "meshdht daemon",
        "meshdht wait",
    }
    assert verbs_of("meshdht invite revoke 5f3a --yes", known) == {"meshdht invite revoke"}
    assert verbs_of("meshdht", known) == set()


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_each_ends_as_it_should() -> None:
    assert main() == 0
