"""What a polkit before 0.106 makes of its rules: ``.venv/bin/python -m tests.lab.old_polkit``.

Debian 11 has polkit 0.105, as Ubuntu 22.04 has. It is fetched by debootstrap (Debian's), into the
folder where the tests keep packages, and booted in namespaces. Prints who may do what there, and
ends with 1 if it is not what it should be.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from meshdht.service.polkit import ACTIONS, OLD_RULES, old_rules_text
from meshdht.service.unit import USER
from tests.support.booted import Booted
from tests.support.debian import CACHE

PACKAGES = "policykit-1,libpam-systemd,systemd-sysv,dbus,iproute2"
SETUP = f"""
useradd --system --user-group {USER}
useradd --system --user-group somebody
ip link add mesh-home type veth peer name other
systemctl start systemd-resolved polkit
"""
# What meshdht/net/resolver.py has resolvectl do, in its order.
CALLS = [
    "domain mesh-home home.internal ~64.100.in-addr.arpa",
    *(f"{each} mesh-home no" for each in "default-route llmnr mdns dnsovertls dnssec".split()),
    "dns mesh-home 100.64.0.9:5300",
    "revert mesh-home",
]


def debian_11() -> Path:
    """The files of a small Debian 11; fetched at the first use."""
    tree = CACHE / "debian-11"
    if not tree.exists():
        partial = tree.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        fetch = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bullseye"]
        subprocess.run([*fetch, str(partial)], check=True, stdout=subprocess.DEVNULL)
        partial.rename(tree)
    return tree


def succeeds(box: Booted, user: str, command: str) -> bool:
    """Whether a shell command does, as a user without any capability."""
    as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return box.run([*as_user, "sh", "-c", command], check=False).returncode == 0


def allowed(box: Booted, user: str) -> tuple[int, int]:
    """How many of ACTIONS polkit lets the user do, and how many of CALLS systemd-resolved heeds."""
    asked = [f"pkcheck --action-id {each} --process $$" for each in ACTIONS]
    told = [f"resolvectl {each}" for each in CALLS]
    return sum(succeeds(box, user, each) for each in asked), sum(
        succeeds(box, user, each) for each in told
    )


def main() -> int:
    box = Booted("old", debian_11())
    try:
        box.sh(SETUP)
        print(box.sh("pkaction --version; resolvectl --version | head -n 1"))
        found = []
        for state in ("without the file", f"with {OLD_RULES}", "after it is removed"):
            print(state)
            for user in (USER, "somebody"):
                asked, told = allowed(box, user)
                found.append((asked, told))
                print(f"  {user}: {asked} of {len(ACTIONS)} actions, {told} of {len(CALLS)} calls")
            if state == "without the file":
                box.run(["tee", str(OLD_RULES)], input=old_rules_text())
            else:
                box.run(["rm", "-f", str(OLD_RULES)])
            box.sh("sleep 2")  # polkit watches the directory
    finally:
        box.close()
    return int(found != [(0, 0), (0, 0), (len(ACTIONS), len(CALLS)), (0, 0), (0, 0), (0, 0)])


if __name__ == "__main__":
    sys.exit(main())
