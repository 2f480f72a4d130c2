"""The tree of errors: what the user sees, what came over the network, and exit codes."""

from __future__ import annotations

import inspect

import pytest

from meshdht import errors
from meshdht.errors import ConfigError, MeshdhtError, Refused, RemoteError, StateError, UsageError

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass)
           if each.__module__ == errors.__name__]  # fmt: skip


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_is_the_users_or_the_networks_and_never_both(error: type[Exception]) -> None:
    assert issubclass(error, MeshdhtError) != issubclass(error, RemoteError)


@pytest.mark.parametrize("error", CLASSES)
def test_the_tree_in_the_module_names_every_class(error: type[Exception]) -> None:
    assert error.__name__ in (errors.__doc__ or "")
    assert error.__doc__


def test_what_the_user_typed_ends_with_two_and_the_rest_with_one() -> None:
    for error in CLASSES:
        if issubclass(error, MeshdhtError):
            assert error.exit_code == (2 if issubclass(error, UsageError) else 1)


def test_a_users_error_has_a_line_and_a_hint() -> None:
    error = ConfigError("config.toml: wrong", "correct it")
    assert (str(error), error.message, error.hint) == (
        "config.toml: wrong",
        "config.toml: wrong",
        "correct it",
    )
    assert StateError("full").hint == ""


def test_a_refusal_keeps_the_members_words() -> None:
    assert Refused("the invite is used up").reason == "the invite is used up"
