"""The HTTP proxy that TCP goes by, where a network lets nothing else out.

Its user and password come from the environment alone: a configuration file is read by more eyes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from meshdht.errors import ConfigError
from meshdht.net.stream_client import Proxy

VARIABLE = "MESHDHT_HTTP_PROXY"


def proxy_of(configured: str | None, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """``configured`` is ``host:port``; MESHDHT_HTTP_PROXY, if it is set, goes before and may be
    ``http://user:password@host:port``. Raises ConfigError."""
    text = environment.get(VARIABLE) or configured
    if not text:
        return None
    source = VARIABLE if environment.get(VARIABLE) else "http_proxy"
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme != "http":
        # Not the text itself: there may be a password in it.
        raise ConfigError(
            f"{source} names no HTTP proxy", "write host:port, or http://user:password@host:port"
        )
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Proxy(host, port, user)
