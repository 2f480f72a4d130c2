"""The facts."""

from __future__ import annotations

from dataclasses import replace

from meshdht.daemon.config import Config
from meshdht.daemon.launch import OWN_PORTS as DAEMONS_PORTS
from meshdht.doctor.machine import BEACON_PORT, OWN_PORTS, Settings, port_of
from meshdht.wire import beacon
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE
from tests.doctor.facts import WELL, running


def test_what_the_doctor_takes_for_the_default_is_the_daemons() -> None:
    assert f"{DAEMONS_PORTS[0]}-{DAEMONS_PORTS[-1]}" == OWN_PORTS
    assert BEACON_PORT == beacon.BEACON_PORT
    assert (Settings().engine, Settings().relay_ports) == (Config().engine, Config().relay_ports)


def test_the_port_is_the_daemons_or_the_configured_one() -> None:
    chosen = replace(WELL, settings=Settings(listen_port=4000))
    assert port_of(chosen, running(listen_port=51820)) == 51820
    assert port_of(chosen, None) == 4000
    assert port_of(WELL, None) is None


def test_only_a_direct_path_is_reached_directly() -> None:
    assert running(peers=(PHONE, LAPTOP)).reaches_directly
    assert not running(peers=(PHONE, ATTIC)).reaches_directly
