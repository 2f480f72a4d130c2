"""What every error promises to whoever shows it."""

from __future__ import annotations

import inspect

import pytest

from meshdht import errors
from meshdht.errors import MeshdhtError, NoMember, Refused, RemoteError, UsageError, first_of

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
LOCAL = [each for each in CLASSES if issubclass(each, MeshdhtError)]


@pytest.mark.parametrize("kind", LOCAL)
def test_a_local_error_has_its_message_its_hint_and_an_exit_code(kind: type[MeshdhtError]) -> None:
    error = kind("the port is taken", "choose another")
    assert (error.message, error.hint, str(error)) == (
        "the port is taken",
        "choose another",
        "the port is taken",
    )
    usual = 2 if issubclass(kind, UsageError) else 1
    assert error.exit_code == (3 if kind is NoMember else usual)


def test_what_comes_over_the_network_is_never_an_error_of_the_user() -> None:
    remote = [each for each in CLASSES if issubclass(each, RemoteError)]
    assert len(remote) > 3
    assert not set(remote) & set(LOCAL)
    assert set(remote) | set(LOCAL) == set(CLASSES)


def test_a_refusal_keeps_its_reason() -> None:
    assert Refused("the link is used").reason == "the link is used"


@pytest.mark.parametrize("kind", CLASSES)
def test_the_tree_at_the_top_of_the_module_names_every_class(kind: type[Exception]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__


def test_the_first_of_a_group_is_found_however_deep() -> None:
    inner = ValueError("inner")
    group = BaseExceptionGroup("", [BaseExceptionGroup("", [inner]), KeyError()])
    assert first_of(group) is inner
    assert first_of(inner) is inner
