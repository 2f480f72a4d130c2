from __future__ import annotations

from meshdht.clock import SeededEntropy
from meshdht.membership.fold import fold
from simulations.ledger import SharedLog, found, prepare
from simulations.loop import UNIX_START


def test_a_prepared_network_has_all_its_devices_admitted() -> None:
    ledger = prepare(SeededEntropy(1), UNIX_START, 30)
    assert [device.id for device in ledger.roster] == [each.device for each in ledger.identities]
    assert ledger.roster.rejections == ()
    assert fold(ledger.log) == ledger.roster


def test_a_founded_network_has_one() -> None:
    assert len(found(SeededEntropy(1), UNIX_START).roster) == 1


def test_a_shared_log_differs_once_it_is_written_to() -> None:
    ledger = prepare(SeededEntropy(1), UNIX_START, 5)
    longer = prepare(SeededEntropy(1), UNIX_START, 5)
    base = found(SeededEntropy(1), UNIX_START).log
    one, other = SharedLog(base), SharedLog(base)
    assert one.digest() == base.digest()
    for statement in longer.log:
        one.add(statement.raw)
    assert len(one) == len(ledger.log)
    assert one.digest() == ledger.log.digest()
    assert len(other) == len(base) == 1
