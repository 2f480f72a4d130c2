"""The vectors of names that an admin adds to those of the devices."""

from __future__ import annotations

from inputs import INVITE, NAS, UNIX
from log import found, laptops_claim

from meshdht.membership.administration import NameBody
from meshdht.membership.extra_names import parse_target
from meshdht.membership.fold import fold
from meshdht.membership.statements import AdmitBody, Body, InviteBody, sign_statement


def extra_names() -> object:
    """The founder adds names and takes one away again; one is the laptop's, and stays so."""
    genesis, log = found()
    acts: dict[str, Body] = {
        "invite": InviteBody(INVITE.invite_public, UNIX + 3600, 1, ""),
        "admit": AdmitBody(laptops_claim(log.network)),
        "addresses": _name("wiki", "100.107.3.9", "192.168.1.9", "fd00::9"),
        "another name": _name("blog", "nas"),
        "a device's name": _name("laptop", "100.107.3.9"),
        "one address": _name("wiki", "100.107.3.9"),
        "no more": _name("blog"),
    }
    statements = {"genesis": genesis}
    for name, body in acts.items():
        statements[name] = sign_statement(
            body,
            network=log.network,
            author=NAS,
            parents=log.heads(),
            unix_ms=UNIX * 1000 + len(log),
        )
        log.add(statements[name].raw)
    roster = fold(log)
    return {
        "device_seed": NAS.raw.hex(),
        "network_id": log.network.raw.hex(),
        "statements": {name: each.raw.hex() for name, each in statements.items()},
        "names": {
            each.name: [[target.kind, str(target.value)] for target in each.targets]
            for each in roster.extra_names
        },
        "without_effect": [each.hash.hex() for each in roster.rejections],
    }


def _name(name: str, *values: str) -> NameBody:
    targets = [parse_target(each, "home") for each in values]
    return NameBody(name, tuple(sorted(targets, key=lambda each: each.order)))
