from __future__ import annotations

import pytest

from meshdht.daemon.proxy import VARIABLE, proxy_of
from meshdht.errors import ConfigError
from meshdht.net.stream_client import Proxy


@pytest.mark.parametrize(
    ("configured", "environment", "proxy"),
    [
        (None, "", None),
        ("proxy.lan:3128", "", Proxy("proxy.lan", 3128)),
        ("[2001:db8::1]:3128", "", Proxy("2001:db8::1", 3128)),
        (
            "proxy.lan:3128",
            "http://me:s%40cret@10.0.0.1:8080",
            Proxy("10.0.0.1", 8080, "me:s@cret"),
        ),
    ],
)
def test_a_proxy_is_what_the_user_named(
    configured: str | None, environment: str, proxy: Proxy | None
) -> None:
    assert proxy_of(configured, {VARIABLE: environment}) == proxy


@pytest.mark.parametrize(
    "text", ["proxy.lan", "me:secret@proxy.lan", "socks5://me:secret@proxy.lan:1080", ":1", "a:b"]
)
def test_what_names_no_proxy_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        proxy_of(None, {VARIABLE: text})
    assert VARIABLE in refusal.value.message
    assert "secret" not in refusal.value.message + refusal.value.hint
