"""A network of its own for one test. Linux keeps it by thread, so no process is needed."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import pytest

_CLONE_NEWNET = 0x40000000


@pytest.fixture
def own_network() -> Iterator[None]:
    """An empty network namespace with the loopback down; needs root."""
    libc = ctypes.CDLL(None, use_errno=True)
    original = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET):
            pytest.skip("network namespaces need root")
        try:
            yield
        finally:
            assert libc.setns(original, _CLONE_NEWNET) == 0
    finally:
        os.close(original)
