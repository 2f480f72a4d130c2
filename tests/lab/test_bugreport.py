"""A report of real devices: nothing in it says who they are and where, or lets anybody in."""

from __future__ import annotations

import re

from meshdht.lab.world import World
from tests.lab.homes import public

NAMES = ("zanzibar", "xylophone", "mulberry")


def words(*texts: str) -> set[str]:
    """Of keys and links also their parts: eight characters of them are too many."""
    found = set()
    for text in texts:
        found |= {text[at : at + 8] for at in range(max(1, len(text) - 7))}
    return found


def test_no_secret_key_endpoint_name_or_invite_is_in_a_report(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = (public(world, internet, name, n) for n, name in enumerate(NAMES[:2], 2))
    made = nas.json("init", NAMES[2], "--name", nas.name)
    laptop.join(nas.invite(laptop.name))
    nas.must("set", "log_level=debug")
    nas.must("ping", laptop.name)
    open_link = nas.invite("mulberry-guest")
    nas.must("device", "tag", laptop.name, "kumquat")
    endpoints = ["203.0.113.2", "203.0.113.3", "2001:db8::2", "2001:db8::3"]
    secret = [made["recovery_key"], open_link.partition("://")[2]]
    for match in nas.json("whois", laptop.name)["matches"] + nas.json("whois", nas.name)["matches"]:
        secret += [match["key"], match["wireguard_key"], match["device"]["id"]]
        endpoints += match["device"]["addresses"]
    secret += [invite["key"] for invite in nas.json("invites")["invites"]]
    report = nas.must("bugreport")
    assert report.count("\n") > 100
    assert "up as <key-" in report
    assert '"online": true' in report
    for told in [*endpoints, *NAMES, "kumquat", *words(*secret)]:
        assert told.lower() not in report.lower(), f"{told!r} is in the report"
    assert not re.search(r"meshdht(-anchor)?://", report)
    nas.must("down")
    later = nas.meshdht("bugreport").stdout
    assert "## Log" in later
    for told in [*endpoints, NAMES[2], *words(*secret)]:
        assert told.lower() not in later.lower(), f"{told!r} is in the report"
