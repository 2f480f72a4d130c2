"""The network's configuration file: ``config.toml`` beside its state; every key may be left out.

listen_port = 41820        # UDP port; 0 picks a free one at each start
engine = "auto"            # auto, kernel or embedded
interface = "mesh-home"    # name of the network interface
anchors = []               # "host:port" of boxes that hold records: names or addresses
mtu = 1420                 # of the tunnel; by itself it follows what the networks around bear
port_mapping = true        # ask the router for a port that leads here, by UPnP, NAT-PMP or PCP
exclude_interfaces = []    # nothing is told of these, and nothing said on their LANs
relay_tls_port = 443       # TCP, for those behind networks that block UDP; 0 serves none
http_proxy = "proxy:3128"  # where TCP to them goes by; with a password: in MESHDHT_HTTP_PROXY
relay = "auto"             # whether others' traffic is relayed here: auto, on or off
relay_ports = "41900-42155"  # UDP ports that are lent for it
relay_mbit = 100           # of each pair, each way, in Mbit/s; 0: as much as comes
stun = "stun.example:3478" # a server that says where it sees this device; none unless named
metrics_port = 9586        # TCP port on the loopback for Prometheus; none unless set
dns = true                 # names like nas.home.internal resolve on this machine
log_level = "info"         # debug, info, warning or error

An anchor has such a file too: ``relay`` (auto is on there), ``relay_ports``, ``relay_mbit`` and
``log_level`` count in it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from meshdht.daemon.mtu import MTU_MAX, MTU_MIN
from meshdht.errors import ConfigError

_INTERFACE = r"^[A-Za-z0-9_-]{1,15}$"
_ANY_INTERFACE = r"^[^/\s]{1,15}$"
# A name, an IPv4 address, or an IPv6 address in brackets, and a port.
_ANCHOR = r"^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"
# The same, and never with a password.
_PROXY = _ANCHOR


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """What the user set; None where the daemon chooses."""

    listen_port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    engine: Literal["auto", "kernel", "embedded"] = "auto"
    interface: Annotated[str, Meta(pattern=_INTERFACE)] | None = None
    mtu: Annotated[int, Meta(ge=MTU_MIN, le=MTU_MAX)] | None = None
    anchors: Annotated[list[Annotated[str, Meta(pattern=_ANCHOR)]], Meta(max_length=16)] = []
    port_mapping: bool = True
    exclude_interfaces: list[Annotated[str, Meta(pattern=_ANY_INTERFACE)]] = []
    relay_tls_port: Annotated[int, Meta(ge=0, le=65535)] = 443
    http_proxy: Annotated[str, Meta(pattern=_PROXY)] | None = None
    relay: Literal["auto", "on", "off"] = "auto"
    relay_ports: Annotated[str, Meta(pattern=r"^[0-9]{1,5}-[0-9]{1,5}$")] = "41900-42155"
    relay_mbit: Annotated[int, Meta(ge=0, le=100_000)] = 100
    stun: Annotated[str, Meta(pattern=_ANCHOR)] | None = None
    metrics_port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    dns: bool = True
    log_level: Literal["debug", "info", "warning", "error"] = "info"


# What each may be, for whoever wrote something else.
MAY_BE = {
    "listen_port": "a UDP port, or 0 for any that is free",
    "engine": "auto, kernel or embedded",
    "interface": "1 to 15 letters, digits, - and _",
    "mtu": f"a number from {MTU_MIN} to {MTU_MAX}",
    "anchors": "at most 16 of host:port, such as vps.example:41820",
    "port_mapping": "true or false",
    "exclude_interfaces": "names of network interfaces",
    "relay_tls_port": "a TCP port, or 0 for none",
    "http_proxy": "host:port, such as proxy.example:3128",
    "relay": "auto, on or off",
    "relay_ports": "two UDP ports, as 41900-42155",
    "relay_mbit": "a number of Mbit/s up to 100000, or 0 for as much as comes",
    "stun": "host:port, such as stun.example:3478",
    "metrics_port": "a TCP port",
    "dns": "true or false",
    "log_level": "debug, info, warning or error",
}
# Where msgspec puts the name of what is wrong: "… - at `$.anchors[0]`".
_AT = re.compile(r"`\$\.(\w+)[^`]*`$")


def read_config(path: Path) -> Config:
    """The file's settings, or the defaults if there is none; raises ConfigError."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return Config()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}", "correct the file") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", "check its rights") from None
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> Config:
    """The settings in a file's text; raises ConfigError, which names ``path``."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}", "correct the file") from None
    known = Config.__struct_fields__
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(known)}"
            raise ConfigError(f"{path}: unknown key {key!r}", hint)
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        at = _AT.search(str(error))
        wrong = f"{at[1]} is to be {MAY_BE[at[1]]}" if at else str(error)
        raise ConfigError(f"{path}: {wrong}", "correct the value") from None
    first, last = port_range(config)
    if not 1024 <= first <= last <= 65535:
        raise ConfigError(
            f"{path}: relay_ports = {config.relay_ports!r} is no range of ports from 1024 to 65535",
            'write it as "41900-42155"',
        )
    return config


def port_range(config: Config) -> tuple[int, int]:
    """The first and the last of the ports that may be lent."""
    first, _, last = config.relay_ports.partition("-")
    return int(first), int(last)
