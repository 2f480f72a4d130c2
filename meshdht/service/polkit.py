"""What the service's user may ask of systemd-resolved: to send questions about its own interfaces'
names to its own server. systemd-resolved asks polkit, and that refuses all but root by itself.

polkit reads rules in JavaScript; before 0.106, which Ubuntu 22.04 has, files of another kind.
"""

from __future__ import annotations

from pathlib import Path

from meshdht.service.unit import USER

# What meshdht/net/resolver.py sets: org.freedesktop.resolve1.policy of systemd has the names.
ACTIONS = tuple(
    f"org.freedesktop.resolve1.{each}"
    for each in (
        "revert",
        "set-default-route",
        "set-dns-over-tls",
        "set-dns-servers",
        "set-dnssec",
        "set-domains",
        "set-llmnr",
        "set-mdns",
    )
)
NAME = "50-meshdht.rules"
PACKAGED = Path("/usr/share/polkit-1/rules.d") / NAME
RULES = Path("/etc/polkit-1/rules.d") / NAME
OLD_RULES = Path("/var/lib/polkit-1/localauthority/10-vendor.d/meshdht.pkla")


def rules_text() -> str:
    """polkit(8), AUTHORIZATION RULES."""
    actions = ",\n".join(f'    "{each}"' for each in ACTIONS)
    return f"""\
// Written by meshdht service install.
var meshdhtMay = [
{actions}
];
polkit.addRule(function (action, subject) {{
    if (subject.user === "{USER}" && meshdhtMay.indexOf(action.id) >= 0)
        return polkit.Result.YES;
}});
"""


def old_rules_text() -> str:
    """pklocalauthority(8)."""
    return f"""\
[Written by meshdht service install]
Identity=unix-user:{USER}
Action={";".join(ACTIONS)}
ResultAny=yes
"""


def allow() -> None:
    """Put the rules where this machine's polkit reads them, if it has one; raises OSError."""
    for file, text in ((RULES, rules_text()), (OLD_RULES, old_rules_text())):
        if file.parent.is_dir() and not (file == RULES and PACKAGED.exists()):
            file.write_text(text)
            file.chmod(0o644)


def forbid() -> None:
    """Take them away again; raises OSError."""
    for file in (RULES, OLD_RULES):
        file.unlink(missing_ok=True)
