"""Whom a device keeps a path to, and for how long."""

from __future__ import annotations

from dataclasses import replace

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_WANTED_PEERS
from meshdht.node.company import WANTED_S, Company
from meshdht.paths.agent import PathAgent
from meshdht.paths.candidate import PathKind
from meshdht.paths.pace import Pace
from simulations.ledger import Ledger, prepare
from simulations.loop import UNIX_START
from tests.paths.world import WAN, World


def company_of(ledger: Ledger, gone: list[DeviceId]) -> Company:
    def make_agent() -> PathAgent:
        return PathAgent(SeededEntropy(2), lambda endpoint: PathKind.DIRECT, Pace())

    company = Company(ledger.identities[0].signing, make_agent, gone.append)
    company.set_members(ledger.roster, 0.0)
    return company


def test_neighbours_are_kept_for_ever_and_others_while_they_are_wanted() -> None:
    ledger = prepare(SeededEntropy(1), UNIX_START, 60)
    company = company_of(ledger, [])
    near = set(company)
    assert near == set(ledger.roster.neighbourhood(ledger.identities[0].device))
    far = next(each.device for each in ledger.identities[1:] if each.device not in near)
    assert company.want(far, 0.0, is_sought=False)
    assert not company[far].is_sought
    company.drop_unwanted(WANTED_S - 1)
    assert far in company
    company.drop_unwanted(WANTED_S)
    assert set(company) == near


def test_of_too_many_that_are_wanted_the_oldest_goes_and_is_told_of_if_it_had_a_path() -> None:
    ledger = prepare(SeededEntropy(1), UNIX_START, MAX_WANTED_PEERS + 60)
    gone: list[DeviceId] = []
    company = company_of(ledger, gone)
    far = [each.device for each in ledger.identities[1:] if each.device not in company]
    assert company.want(far[0], 0.0, is_sought=True)
    agent = company[far[0]].agent
    agent.learn(Endpoint("192.0.2.1", 1), 0.0)
    for probe in agent.poll(0.0):
        agent.handle_reply(probe.message_id, probe.endpoint, 0.1)
    for number, device in enumerate(far[1 : MAX_WANTED_PEERS + 1]):
        company.want(device, 1.0 + number, is_sought=True)
    assert gone == [far[0]]
    assert far[0] not in company
    assert far[MAX_WANTED_PEERS] in company


def test_wireguard_may_follow_a_peer_to_another_path_for_as_long_as_it_works() -> None:
    other = Endpoint("198.51.100.7", 9)
    world = World({WAN: 0.02, other: 0.02})
    world.learn(WAN, other)
    world.run(1.0)
    (device,) = (company := company_of(prepare(SeededEntropy(1), UNIX_START, 2), []))
    peer = replace(company[device], agent=world.agent)
    assert not peer.is_astray
    peer.tunnel_at = other if world.best == WAN else WAN
    assert not peer.is_astray
    del world.rtt_s[peer.tunnel_at]
    # What WireGuard sends goes unanswered.
    world.agent.doubt(world.now)
    world.run(2.0)
    assert peer.is_astray
    peer.tunnel_at = world.best
    assert not peer.is_astray


def test_a_device_keeps_no_path_to_itself_nor_to_strangers() -> None:
    ledger = prepare(SeededEntropy(1), UNIX_START, 3)
    company = company_of(ledger, [])
    assert not company.want(ledger.identities[0].device, 0.0, is_sought=True)
    assert not company.want(DeviceId(bytes(20)), 0.0, is_sought=True)
    assert company.box_key(DeviceId(bytes(20))) is None
