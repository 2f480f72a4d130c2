"""Client and daemon of two releases."""

from __future__ import annotations

import pytest

from meshdht.api.errors import ApiError
from meshdht.api.version import API_VERSION, check_version


def test_another_version_is_refused_by_name() -> None:
    check_version(API_VERSION, "daemon")
    with pytest.raises(ApiError, match="the daemon speaks version 9"):
        check_version(9, "daemon")
