"""What proves to a device that it is out: judged by the log that it has, and nothing newer."""

from __future__ import annotations

from meshdht.crypto.keys import VerifyKey
from meshdht.membership.administration import (
    GrantAdminBody,
    LeaveBody,
    RecoverBody,
    RemoveAdminBody,
    RenameBody,
    RevokeBody,
)
from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from meshdht.membership.outcasts import Verdict, evidence, judge, outcasts
from meshdht.membership.statements import AdmitBody, Statement
from tests.membership.household import RECOVERY, UNIX, Household, replay, signing_key


def key(number: int) -> VerifyKey:
    return signing_key(number).public


def verdict(log: MembershipLog, number: int, statements: list[bytes]) -> Verdict | None:
    """What a device makes of it that has this log."""
    roster = Folder().fold(log)
    own = roster.device(key(number).device_id)
    assert own is not None
    return judge(log, roster, own, statements)


def evidence_of(home: Household, number: int) -> list[bytes]:
    roster = home.roster()
    assert outcasts(home.log, roster)[key(number).device_id] == key(number)
    return evidence(home.log, roster, key(number))


def home_with(*devices: int) -> tuple[Household, MembershipLog]:
    """A network, and its log as who then goes off has it."""
    home = Household()
    home.invite(0, uses=9)
    for device in devices:
        home.admit(device)
    return home, replay(home, home.log)


def later(home: Household) -> None:
    """Something that who was off did not hear of."""
    home.write(RenameBody(key(0), "attic"))


def test_a_revocation_by_an_admin_that_is_known_is_believed() -> None:
    home, old = home_with(1)
    later(home)
    home.revoke(1)
    told = evidence_of(home, 1)
    assert verdict(old, 1, told) == Verdict(key(0).device_id, UNIX)
    assert len(told) == 1, "and nothing is told but that"


def test_a_device_that_stays_is_no_outcast() -> None:
    home, _ = home_with(1, 2)
    home.revoke(1)
    assert set(outcasts(home.log, home.roster())) == {key(1).device_id}


def test_a_revocation_by_one_that_became_an_admin_since_brings_the_grants() -> None:
    home, old = home_with(1, 2)
    home.admit(3)
    home.grant(2)
    home.write(GrantAdminBody(key(3)), author=2)
    home.revoke(1, author=3)
    told = evidence_of(home, 1)
    assert len(told) == 3
    assert verdict(old, 1, told) == Verdict(key(3).device_id, UNIX)
    assert verdict(old, 1, told[:2]) is None, "a grant by one that is no admin"
    assert verdict(old, 1, told[:1]) is None, "a revocation by one that is no admin"


def test_a_revocation_by_one_that_was_recovered_is_believed() -> None:
    home, old = home_with(1, 2)
    home.write(RecoverBody(key(2)), author=RECOVERY)
    home.revoke(1, author=2)
    assert verdict(old, 1, evidence_of(home, 1)) == Verdict(key(2).device_id, UNIX)
    forged = home.write(RecoverBody(key(2)), author=2).raw
    assert verdict(old, 1, [home.revoke(1, author=2).raw, forged]) is None


def test_a_device_that_left_by_its_own_word_is_told() -> None:
    home, old = home_with(1)
    later(home)
    home.write(LeaveBody(), author=1)
    assert verdict(old, 1, evidence_of(home, 1)) == Verdict(key(1).device_id, UNIX)


def test_nobody_is_put_out_by_what_does_not_say_so() -> None:
    home, old = home_with(1, 2)
    later(home)
    revoked = home.revoke(2).raw
    broken = bytearray(home.write(RevokeBody(key(1))).raw)
    broken[-1] ^= 1
    other = Household()
    strangers = other.write(RevokeBody(key(1)), author=2).raw
    unjust = [
        home.write(RevokeBody(key(1)), author=2).raw,
        home.write(RemoveAdminBody(key(1))).raw,
        home.write(LeaveBody(), author=2).raw,
        revoked,
        bytes(broken),
        strangers,
        b"",
    ]
    assert [verdict(old, 1, [each]) for each in unjust] == [None] * len(unjust)


def _race(home: Household, uses: int, *, others: int) -> tuple[MembershipLog, list[Statement], int]:
    """Devices come in by one invite on two sides: the log of one that has lost, and who it is."""
    home.invite(7, uses=uses)
    start = home.log.heads()
    admits = [home.admit(10, 7, parents=start)]
    for device in range(11, 11 + others):
        admits.append(home.admit(device, 7, parents=start))
    bodies = [each.body for each in admits]
    keys = [body.claim.device for body in bodies if isinstance(body, AdmitBody)]
    roster = home.roster()
    lost = next(at for at, each in enumerate(keys) if each.device_id not in roster)
    side = replay(home, [each for each in home.log if each.hash not in {a.hash for a in admits}])
    side.add(admits[lost].raw)
    return side, admits, 10 + lost


def test_who_lost_an_invites_only_use_is_told_by_the_admission_of_who_won() -> None:
    home, _ = home_with(1)
    old, admits, loser = _race(home, 1, others=1)
    told = evidence_of(home, loser)
    [winner] = [each for each in admits if each.raw in told]
    assert isinstance(winner.body, AdmitBody)
    assert verdict(old, loser, told) == Verdict(None, UNIX, (winner.body.claim.name,))


def test_of_two_uses_one_by_another_puts_nobody_out() -> None:
    home, _ = home_with(1)
    old, _, loser = _race(home, 2, others=2)
    told = evidence_of(home, loser)
    assert len(told) == 2
    said = verdict(old, loser, told)
    assert said is not None
    assert len(said.winners) == 2
    assert verdict(old, loser, told[:1]) is None


def test_an_admission_by_one_that_is_no_member_puts_nobody_out() -> None:
    home, old = home_with(1)
    home.invite(7)
    own = home.admit(10, 7)
    for each in home.log:
        old.add(each.raw)
    stranger = home.write(AdmitBody(home.claim(11, 7)), author=50)
    assert own.hash in old
    assert verdict(old, 10, [stranger.raw]) is None
