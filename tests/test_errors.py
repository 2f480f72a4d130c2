"""What every error promises to whoever shows it."""

from __future__ import annotations

import inspect

import pytest

from meshdht import errors
from meshdht.errors import MeshdhtError, NoMember, Refused, RemoteError, UsageError, ungrouped

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


def test_of_a_group_the_first_is_raised_alone_however_deep() -> None:
    inner = ValueError("inner")
    with pytest.raises(ValueError, match="inner") as raised, ungrouped(ValueError, KeyError):
        raise ExceptionGroup("", [ExceptionGroup("", [inner]), KeyError()])
    assert raised.value is inner


def test_an_error_in_no_group_comes_out_as_it_is() -> None:
    inner = ValueError("inner")
    with pytest.raises(ValueError, match="inner") as raised, ungrouped(ValueError):
        raise inner
    assert raised.value is inner


def test_a_group_that_has_others_too_stays_one() -> None:
    with pytest.raises(ExceptionGroup) as raised, ungrouped(ValueError):
        raise ExceptionGroup("", [ValueError("inner"), KeyError("other")])
    assert [type(each) for each in raised.value.exceptions] == [KeyError]
