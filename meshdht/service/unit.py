"""The units of systemd, as text: one template for networks, one for anchors.

Each runs as the user ``meshdht`` with the three capabilities that it needs, and sees the machine's
files read-only. It is sent SIGUSR2 where it is started anew, so that what carries traffic without
it stays meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.service import RUNTIME_DIR

USER = "meshdht"
# Exit codes that another try does not change: the user's input, and out of the network.
FINAL_CODES = "2 3"

# What resolvconf is to be told lies in a file of the daemon's, which is not root. Only what can be
# such is taken from it.
_TOLD = f"f={RUNTIME_DIR}/%i.resolvconf"
_TELL = (
    f'{_TOLD}; [ ! -s "$$f" ] ||'
    ' grep -Ex "(nameserver|search) [0-9a-z.:-]+" "$$f" | resolvconf -a tun53.%i'
)
_FORGET = f'{_TOLD}; [ ! -e "$$f" ] || {{ resolvconf -d tun53.%i; rm -f "$$f"; }}'

_UNIT = """\
# Written by meshdht service install.
[Unit]
Description={description} %i
Documentation=man:meshdht(1)
After=network.target systemd-resolved.service dbus.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
User={user}
Group={user}
UMask=0077
StateDirectory=meshdht
StateDirectoryMode=0700
RuntimeDirectory={runtime}
RuntimeDirectoryPreserve=yes
ExecStartPost=-+/bin/sh -c '{tell}'
ExecStopPost=-+/bin/sh -c '{forget}'
Restart=on-failure
RestartSec=2
RestartPreventExitStatus={final}
RestartKillSignal=SIGUSR2
WatchdogSec=60
KillMode=mixed
TimeoutStopSec=20
LimitNOFILE=65536

AmbientCapabilities={capabilities}
CapabilityBoundingSet={capabilities}
DeviceAllow=/dev/net/tun rw
DevicePolicy=closed
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an instance of a template runs."""

    template: str
    what: str
    arguments: tuple[str, ...]
    capabilities: str
    folder: str = ""  # below the state directory

    def unit(self, name: str) -> str:
        """The name of the instance that runs the network or the anchor ``name``."""
        return f"{self.template}@{name}.service"

    @property
    def file(self) -> str:
        return self.unit("")

    @property
    def _runtime(self) -> str:
        """Also the directory in it, which root may have made."""
        return f"meshdht meshdht/{self.folder}" if self.folder else "meshdht"

    def text(self, program: Sequence[str]) -> str:
        """The template's text; ``program`` is how meshdht is run, by absolute path."""
        return _UNIT.format(
            description=f"meshdht {self.what}",
            command=" ".join([*map(_quoted, program), *self.arguments]),
            user=USER,
            tell=_TELL,
            forget=_FORGET,
            runtime=self._runtime,
            final=FINAL_CODES,
            capabilities=self.capabilities,
        )


# Interfaces, routes and nftables; the kernel's WireGuard port; TCP 443 for relays.
NETWORK = Kind(
    "meshdht",
    "network",
    ("daemon", "--network", "%i"),
    "CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE",
)
# It forwards by nftables where it may, and serves TCP 443.
ANCHOR = Kind(
    "meshdht-anchor",
    "anchor",
    ("anchor", "run", "--network", "%i"),
    "CAP_NET_ADMIN CAP_NET_BIND_SERVICE",
    folder="anchors",
)
KINDS = (NETWORK, ANCHOR)


def _quoted(word: str) -> str:
    """A word of ExecStart; systemd.unit(5) replaces %x, systemd.service(5) $x."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if escaped == word and " " not in word else f'"{escaped}"'
