"""Every verb: its help has an example and fits a terminal."""

from __future__ import annotations

import re

import click
import pytest

from meshdht.cli.main import VERBS
from meshdht.cli.walking import all_verbs

CONTEXTS = {context.command_path: context for context in all_verbs()}
NAMED = {verb for section in VERBS.values() for verb in section}


def test_all_verbs_are_walked() -> None:
    assert {path.split()[1] for path in CONTEXTS} == NAMED
    assert {"meshdht anchor link", "meshdht device tag"} <= set(CONTEXTS)


@pytest.mark.parametrize("path", CONTEXTS)
def test_a_verbs_help_has_an_example_of_itself(path: str) -> None:
    text = CONTEXTS[path].get_help()
    assert max(map(len, text.splitlines())) <= 100
    example = text.partition("Example:")[2]
    assert re.search(rf"{path}\b", example), "no example, or one of another verb"


@pytest.mark.parametrize("path", CONTEXTS)
def test_what_a_verb_takes_is_explained(path: str) -> None:
    for parameter in CONTEXTS[path].command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{parameter.opts} has no help"
