"""What verbs print is what docs/schemas/meshdht.json says."""

from __future__ import annotations

import json

import click
import pytest
from jsonschema import Draft202012Validator, ValidationError

from meshdht.cli.schema import ANSWERS, schema
from meshdht.cli.walking import all_verbs
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht
from tests.support.json_schema import SCHEMA, check

# A call of each verb that asks the daemon; the others are in tests/lab/test_json.py.
CALLS: dict[str, list[str]] = {
    "invite": ["invite"],
    "invite revoke": ["invite", "revoke", "5f3a", "--yes"],
    "anchor link": ["anchor", "link"],
    "anchor list": ["anchor", "list"],
    "invites": ["invites"],
    "device rename": ["device", "rename", "laptop", "desktop"],
    "device tag": ["device", "tag", "laptop", "guest"],
    "device expire": ["device", "expire", "laptop", "7d"],
    "admin add": ["admin", "add", "laptop"],
    "admin remove": ["admin", "remove", "laptop", "--yes"],
    "admin list": ["admin", "list"],
    "rotate": ["rotate", "--no-wait"],
    "approvals": ["approvals"],
    "approve": ["approve", "pi"],
    "revoke": ["revoke", "phone", "--yes", "--no-wait"],
    "status": ["status"],
    "peers": ["peers"],
    "devices": ["devices"],
    "links": ["links"],
    "whois": ["whois", "laptop"],
    "watch": ["watch", "--count", "1"],
    "log": ["log"],
    "ping": ["ping", "phone", "--count", "2"],
    "path": ["path", "phone"],
    "dns list": ["dns", "list"],
    "dns add": ["dns", "add", "git", "nas"],
    "dns remove": ["dns", "remove", "git"],
    "doctor": ["doctor"],
    "netcheck": ["netcheck"],
    "version": ["version"],
    "wait": ["wait", "laptop"],
    "get": ["get"],
    "set": ["set", "mtu=1400"],
}


def verbs_with_json() -> set[str]:
    found = set()
    for context in all_verbs():
        options = [each for each in context.command.params if isinstance(each, click.Option)]
        if any("--json" in each.opts for each in options):
            found.add(context.command_path.partition(" ")[2])
    return found


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(json.dumps(schema())) == SCHEMA, "make it anew: python docs/schemas/make.py"
    Draft202012Validator.check_schema(SCHEMA)


def test_every_verb_that_prints_json_is_in_it_and_no_other() -> None:
    assert set(ANSWERS) == verbs_with_json()
    assert set(CALLS) < set(ANSWERS)


@pytest.mark.parametrize("verb", CALLS)
def test_what_a_verb_prints_is_as_the_schema_says(
    verb: str, meshdht: Meshdht, service: FakeService
) -> None:
    check(verb, meshdht(*CALLS[verb], "--json").out)


def test_a_key_that_is_missing_or_of_another_type_would_be_noticed(
    meshdht: Meshdht, service: FakeService
) -> None:
    told = json.loads(meshdht("status", "--json").out)
    for wrong in ({**told, "uptime_s": "long"}, {k: v for k, v in told.items() if k != "relay"}):
        with pytest.raises(ValidationError):
            check("status", json.dumps(wrong))
