"""Real users on a real machine: who commands the daemon, and what the others are told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

import meshdht
from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import complaint, public

CHECKOUT = Path(meshdht.__file__).parent


def others_may_read(path: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (path, *path.parents))


pytestmark = pytest.mark.skipif(
    not others_may_read(CHECKOUT), reason="other users cannot read this checkout"
)


class Users:
    """A device with accounts of its own: ``/etc`` is a copy that its namespace alone sees."""

    def __init__(self, device: Device) -> None:
        self.device = device
        copied = "cp -a /etc /var/lib/etc && mount --bind /var/lib/etc /etc"
        self.sh(f"{copied} && groupdel meshdht 2>/dev/null; true")

    def sh(self, line: str) -> None:
        self.device.host.run(["sh", "-c", line])

    def add(self, name: str, *groups: str) -> Device:
        """The device as a new user sees it, in a session of now."""
        self.sh(f"useradd -M -G '{','.join(groups)}' {name}")
        return self.session(name)

    def session(self, name: str) -> Device:
        login = ["setpriv", "--reuid", name, "--regid", name, "--init-groups", "--inh-caps=-all"]
        return Device(self.device.host, [*login, "--", *self.device.command])


@pytest.fixture
def users(world: World) -> Users:
    return Users(public(world, world.switch("internet"), "nas", 2))


def test_operators_go_without_sudo_and_others_are_refused_by_name(users: Users) -> None:
    users.sh("groupadd meshdht")
    alice, mallory = users.add("alice", "meshdht"), users.add("mallory")
    users.device.init("home")
    assert alice.status()["network"] == "home"
    assert alice.json("invite")["link"].startswith("meshdht://")
    assert alice.json("doctor")["daemon"] is True
    for verb in ("status", "peers", "down", "invite"):
        refused = mallory.meshdht(verb)
        said = complaint(refused, 1)
        assert said == (
            "meshdht: user mallory may not talk to the daemon: it is not in the group meshdht"
        )
        assert "sudo usermod -aG meshdht mallory; then log in again" in refused.stderr
    alice.must("down")
    refused = alice.meshdht("up")
    assert "no network is up" in complaint(refused, 1)
    assert "sudo meshdht up" in refused.stderr


def test_the_live_view_is_an_operators_too(users: Users) -> None:
    users.sh("groupadd meshdht")
    alice, mallory = users.add("alice", "meshdht"), users.add("mallory")
    users.device.init("home")
    for user, worked in ((alice, True), (mallory, False)):
        login = user.command[: user.command.index("--") + 1]
        python = users.device.command[0]
        out = f"/run/{user.command[2]}.svg"
        users.sh(f"touch {out} && chmod 666 {out}")
        socket = ["--socket", "/run/meshdht/home.sock", "--wait", "2"]
        view = [*login, python, "-P", "-m", "meshdht_tui.screenshot", out, *socket]
        shown = users.device.host.run(view, check=False)
        assert (shown.returncode == 0) is worked, shown.stderr
        text = users.device.host.run(["cat", out]).stdout
        assert ("nas" in text) is worked


def test_who_becomes_an_operator_is_told_what_is_still_to_be_done(users: Users) -> None:
    alice = users.add("alice")
    users.device.init("home")
    refused = alice.meshdht("status")
    assert "groupadd meshdht" in refused.stderr
    users.sh("groupadd meshdht && usermod -aG meshdht alice")
    said = complaint(users.session("alice").meshdht("status"), 1)
    assert "the daemon does not know it yet" in said
    users.device.must("down")
    users.device.must("up")
    assert users.session("alice").status()["network"] == "home"
    # A session of before: the account has the group, its processes have not.
    old = ["setpriv", "--reuid", "alice", "--regid", "alice", "--clear-groups", "--"]
    before = Device(users.device.host, [*old, *users.device.command])
    assert "this session is from before that" in complaint(before.meshdht("status"), 1)


def test_a_group_counts_wherever_a_process_has_it_from(users: Users) -> None:
    users.sh("groupadd meshdht")
    users.add("robot")
    users.device.init("home")
    by_hand = ["setpriv", "--reuid", "robot", "--regid", "robot", "--groups", "meshdht", "--"]
    assert Device(users.device.host, [*by_hand, *users.device.command]).status()
    first = ["setpriv", "--reuid", "robot", "--regid", "meshdht", "--clear-groups", "--"]
    assert Device(users.device.host, [*first, *users.device.command]).status()


def test_an_open_socket_is_not_enough(users: Users) -> None:
    """Whatever somebody did to the socket's mode, the daemon asks the kernel who calls."""
    users.sh("groupadd meshdht")
    mallory = users.add("mallory")
    users.device.init("home")
    users.sh("chmod 666 /run/meshdht/home.sock")
    assert "user mallory may not talk" in complaint(mallory.meshdht("status"), 1)
