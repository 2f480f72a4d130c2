"""What a status warns of, as JSON."""

from __future__ import annotations

import msgspec

from meshdht.api.messages import Status
from meshdht.api.warning_messages import ClockWarning, OtherVersion
from tests.api.fake_daemon import STATUS

CLOCK = ClockWarning(
    device="nas",
    this_device=True,
    ahead_s=-3600,
    says_so=("laptop",),
    clocks=2,
    message="the clock of nas is 1 h behind",
    hint="set it",
)
OTHER = OtherVersion(endpoint="192.0.2.7:41820", version=2, heard_age_s=12.5, device="phone")


def test_warnings_survive_their_line_and_have_the_keys_that_scripts_lean_on() -> None:
    status = msgspec.structs.replace(STATUS, clocks=(CLOCK,), other_versions=(OTHER,))
    line = msgspec.json.encode(status)
    assert msgspec.json.decode(line, type=Status) == status
    shown = msgspec.json.decode(line)
    assert set(shown["other_versions"][0]) == {"endpoint", "version", "heard_age_s", "device"}
    assert set(shown["clocks"][0]) == {
        *("device", "this_device", "ahead_s", "says_so", "clocks", "message", "hint"),
    }


def test_a_status_of_a_release_without_warnings_is_read() -> None:
    told = msgspec.to_builtins(STATUS)
    del told["other_versions"], told["protocol"], told["clocks"]
    assert msgspec.convert(told, type=Status) == STATUS
