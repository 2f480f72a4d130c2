"""The JSON Schema of what ``--json`` prints: docs/schemas/meshdht.json is made from it.

Objects may have more keys than it names, within a version: readers pass over those.
"""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from meshdht.api.anchor_messages import AnchorLink, Anchors, AnchorStatus
from meshdht.api.approval_messages import Approvals, Decided
from meshdht.api.device_messages import ChangedDevice, Devices, ReplacedKeys
from meshdht.api.doctor_messages import Diagnosis
from meshdht.api.invite_messages import ClosedInvite, Invites
from meshdht.api.launch import Founded, Kept
from meshdht.api.link_messages import Links
from meshdht.api.log_messages import Log
from meshdht.api.messages import Invite, Pong, Status
from meshdht.api.name_messages import ChangedName, Names
from meshdht.api.netcheck_messages import NetCheck
from meshdht.api.path_messages import PathReport
from meshdht.api.removal_messages import Left, Revoked, Rotated
from meshdht.api.settings_messages import Settings
from meshdht.api.version import API_VERSION
from meshdht.api.whois_messages import Known
from meshdht.cli.answers import Peers, Release, Up, Waited, Watched

# What each verb prints; of watch and ping each line.
ANSWERS: dict[str, type[msgspec.Struct]] = {
    "init": Founded,
    "invite": Invite,
    "invite revoke": ClosedInvite,
    "anchor link": AnchorLink,
    "anchor list": Anchors,
    "anchor status": AnchorStatus,
    "invites": Invites,
    "device rename": ChangedDevice,
    "device tag": ChangedDevice,
    "device expire": ChangedDevice,
    "device replace-keys": ReplacedKeys,
    "admin add": ChangedDevice,
    "admin remove": ChangedDevice,
    "admin list": Devices,
    "recover": ChangedDevice,
    "rotate": Rotated,
    "approvals": Approvals,
    "approve": Decided,
    "revoke": Revoked,
    "leave": Left,
    "backup": Kept,
    "restore": Kept,
    "status": Status,
    "peers": Peers,
    "devices": Devices,
    "links": Links,
    "whois": Known,
    "join": Up,
    "up": Up,
    "watch": Watched,
    "log": Log,
    "ping": Pong,
    "path": PathReport,
    "dns list": Names,
    "dns add": ChangedName,
    "dns remove": ChangedName,
    "doctor": Diagnosis,
    "netcheck": NetCheck,
    "version": Release,
    "wait": Waited,
    "get": Settings,
    "set": Settings,
}


def schema() -> dict[str, Any]:
    """One document: ``$defs`` has every kind of object, ``properties`` what each verb prints."""
    kinds = list(dict.fromkeys(ANSWERS.values()))
    references, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        # A default is written as well: every key is always there.
        definition["required"] = list(definition["properties"])
        # Python 3.13 takes the indentation out of docstrings itself.
        definition["description"] = inspect.cleandoc(definition["description"])
    by_kind = dict(zip(kinds, references, strict=True))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What meshdht VERB --json prints, version {API_VERSION}",
        "type": "object",
        "properties": {verb: by_kind[kind] for verb, kind in ANSWERS.items()},
        "$defs": dict(sorted(definitions.items())),
    }
