"""Epochs and locators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import EpochKey, LocatorKey, VerifyKey
from meshdht.records.locator import (
    EPOCH_SECONDS,
    device_locator,
    epoch_at,
    epoch_start,
    publish_epochs,
    read_epochs,
)
from tests.records.material import DEVICE, OTHER, SECRET, UNIX

VECTORS = json.loads((Path(__file__).parents[2] / "docs/vectors/locator.json").read_text())
KEY = SECRET.epoch_key

keys = st.binary(min_size=32, max_size=32).map(EpochKey)
moments = st.floats(0, 2**40)


@pytest.mark.parametrize("vector", VECTORS)
def test_locators_agree_with_the_published_vectors(vector: dict[str, str]) -> None:
    epoch = epoch_at(EpochKey(bytes.fromhex(vector["epoch_key"])), float(vector["unix"]))
    assert epoch == int(vector["epoch"])
    locator_key = LocatorKey(bytes.fromhex(vector["locator_key"]))
    device = VerifyKey(bytes.fromhex(vector["device_key"]))
    assert device_locator(locator_key, epoch, device).hex() == vector["locator"]


@given(keys, moments)
def test_a_moment_lies_in_its_epoch(key: EpochKey, unix: float) -> None:
    epoch = epoch_at(key, unix)
    assert epoch_start(key, epoch) <= unix < epoch_start(key, epoch + 1)
    assert epoch_start(key, epoch + 1) - epoch_start(key, epoch) == EPOCH_SECONDS


@given(keys, moments, st.floats(-EPOCH_SECONDS / 5, EPOCH_SECONDS))
def test_a_reader_finds_what_was_published_up_to_an_epoch_ago(
    key: EpochKey, unix: float, later: float
) -> None:
    found = set(publish_epochs(key, unix)) & set(read_epochs(key, max(0, unix + later)))
    assert found


def test_the_next_epoch_is_published_to_in_the_last_fifth() -> None:
    epoch = epoch_at(KEY, UNIX)
    start = epoch_start(KEY, epoch)
    assert publish_epochs(KEY, start) == (epoch,)
    assert publish_epochs(KEY, start + EPOCH_SECONDS * 0.79) == (epoch,)
    assert publish_epochs(KEY, start + EPOCH_SECONDS * 0.81) == (epoch, epoch + 1)
    assert publish_epochs(KEY, start + EPOCH_SECONDS) == (epoch + 1,)


def test_networks_do_not_rotate_together() -> None:
    starts = {epoch_start(EpochKey(bytes([value]) * 32), 1) for value in range(50)}
    assert len(starts) > 45


def test_locators_differ_by_device_epoch_and_network() -> None:
    key, other = SECRET.locator_key, LocatorKey(bytes(32))
    seen = {
        device_locator(key, 5, DEVICE.public),
        device_locator(key, 6, DEVICE.public),
        device_locator(key, 5, OTHER.public),
        device_locator(other, 5, DEVICE.public),
    }
    assert len(seen) == 4
    assert {len(each) for each in seen} == {20}
