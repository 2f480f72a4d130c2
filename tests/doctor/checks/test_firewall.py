"""What the firewall lets in, in words, with the command that opens it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from meshdht.api.relay_messages import RelayStatus
from meshdht.doctor.checks.firewall import judge
from meshdht.doctor.machine import Firewall, Machine, Settings
from tests.api.fake_daemon import LAPTOP, PHONE
from tests.doctor.facts import WELL, judged, only, running

DROPS = {
    "nftables": [
        {"chain": {"family": "inet", "table": "fw", "name": "in", "type": "filter",
                   "hook": "input", "prio": 0, "policy": "drop"}},
        {"rule": {"family": "inet", "table": "fw", "chain": "in", "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}},
                       "right": 41821}}, {"accept": None}]}},
    ]
}  # fmt: skip
UFW = """Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), disabled (routed)

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    Anywhere
60000:61000/udp            ALLOW IN    Anywhere
41821/udp                  ALLOW IN    Anywhere
"""


def behind(**firewall: Any) -> Machine:
    return replace(WELL, firewall=Firewall(**firewall), settings=Settings(listen_port=41820))


OPEN: dict[str, Any] = {"nftables": []}


def test_no_rules_let_all_in() -> None:
    assert only(judge, behind(ruleset=OPEN)).level == "fine"


def test_before_the_network_has_a_port_all_of_which_it_draws_one_count() -> None:
    found = only(judge, replace(behind(ruleset=DROPS), settings=Settings()))
    assert (found.level, "41822-41899 (it takes one" in found.message) == ("problem", True)
    assert found.fix == "sudo nft insert rule inet fw in udp dport 41822-41899 accept"


def test_rules_that_may_not_be_read_are_not_known() -> None:
    machine = replace(behind(trouble="Operation not permitted"), uid=1000)
    found = only(judge, machine)
    assert (found.level, found.fix) == ("unknown", "sudo meshdht doctor")


def test_a_port_that_is_dropped_is_a_problem_unless_peers_are_met_all_the_same() -> None:
    machine = behind(ruleset=DROPS)
    found = only(judge, machine)
    assert found.level == "problem"
    assert found.fix == "sudo nft insert rule inet fw in udp dport 41820 accept"
    relayed = running(peers=(PHONE,), listen_port=41820)
    assert only(judge, machine, relayed).level == "problem"
    assert only(judge, machine, running(peers=(LAPTOP,), listen_port=41820)).level == "note"


def test_the_fix_is_spelt_for_who_rules() -> None:
    assert only(judge, behind(ruleset=DROPS, has_firewalld=True)).fix == (
        "sudo firewall-cmd --permanent --add-port=41820/udp && sudo firewall-cmd --reload"
    )
    assert only(judge, behind(ruleset=OPEN, ufw=UFW)).fix == "sudo ufw allow 41820/udp"


def test_ufw_is_asked_by_port_protocol_and_default() -> None:
    assert only(judge, behind(ufw=UFW + "41820/udp  ALLOW IN    Anywhere\n")).level == "fine"
    assert only(judge, behind(ufw=UFW + "41820      ALLOW IN    Anywhere\n")).level == "fine"
    assert only(judge, behind(ufw=UFW + "41820/tcp  ALLOW IN    Anywhere\n")).level == "problem"
    assert only(judge, behind(ufw=UFW + "41820/udp  ALLOW IN    10.0.0.0/8\n")).level == "note"
    allows = UFW.replace("deny (incoming)", "allow (incoming)")
    assert only(judge, behind(ufw=allows)).level == "fine"
    denied = allows + "41820/udp  DENY IN    Anywhere\n"
    assert only(judge, behind(ufw=denied)).level == "problem"
    inactive = behind(ruleset=OPEN, ufw="Status: inactive\n")
    assert only(judge, inactive).level == "fine"


def test_a_beacon_that_is_dropped_is_a_note() -> None:
    first, beacon = judged(judge, behind(ufw=UFW.replace("41821", "41820")))
    assert (first.level, beacon.level) == ("fine", "note")
    assert beacon.fix == "sudo ufw allow 41821/udp"


def test_a_relay_that_nobody_gets_in_to_is_a_problem() -> None:
    daemon = running(listen_port=60000, relay=RelayStatus(offered=True))
    lent = judged(judge, behind(ufw=UFW), daemon)[-1]
    assert (lent.level, lent.fix) == ("problem", "sudo ufw allow 41900:42155/udp")


LEGACY = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m udp --dport 41821 -j ACCEPT\nCOMMIT\n"
LEGACY_FIX = "sudo iptables-legacy -t filter -I INPUT -p udp --dport 41820 -j ACCEPT"
NFT_FIX = "sudo nft insert rule inet fw in udp dport 41820 accept"


def test_what_the_old_iptables_drops_is_dropped_whatever_nftables_says() -> None:
    for ruleset in (OPEN, None):
        found = only(judge, behind(ruleset=ruleset, legacy=LEGACY))
        assert (found.level, found.fix) == ("problem", LEGACY_FIX)
    both = only(judge, behind(ruleset=DROPS, legacy=LEGACY))
    assert (both.level, both.fix) == ("problem", f"{LEGACY_FIX} && {NFT_FIX}")
    accepts = LEGACY.replace("DROP", "ACCEPT")
    assert only(judge, behind(ruleset=OPEN, legacy=accepts)).level == "fine"
    assert only(judge, behind(ruleset=DROPS, legacy=accepts)).fix == NFT_FIX
    some = accepts.replace("-A", "-A INPUT -s 10.0.0.0/8 -j DROP\n-A", 1)
    assert judged(judge, behind(ruleset=OPEN, legacy=some))[0].level == "note"


def test_the_fix_for_ports_that_are_not_chosen_yet_names_all_of_them() -> None:
    machine = replace(behind(ruleset=OPEN, legacy=LEGACY), settings=Settings())
    assert "--dport 41822:41899 -j ACCEPT" in only(judge, machine).fix


def test_who_writes_rules_by_the_old_iptables_is_asked_itself() -> None:
    allowed = UFW + "41820/udp  ALLOW IN    Anywhere\n"
    assert only(judge, behind(ufw=allowed, legacy=LEGACY)).level == "fine"
    by_firewalld = only(judge, behind(ruleset=OPEN, legacy=LEGACY, has_firewalld=True))
    assert by_firewalld.fix.startswith("sudo firewall-cmd ")


def test_rules_of_the_old_iptables_are_not_passed_over_in_silence() -> None:
    last = judged(judge, behind(ruleset=OPEN, legacy_trouble="Permission denied"))[-1]
    assert (last.level, last.fix) == ("unknown", "sudo iptables-legacy -S")
