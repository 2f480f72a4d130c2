"""A machine of the lab: its own files, processes and cables."""

from __future__ import annotations

from meshdht.lab.world import World
from tests.lab.homes import eventually


def test_a_changed_address_replaces_the_old_one_and_keeps_the_route(world: World) -> None:
    internet, home = world.switch("internet"), world.switch("home")
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(internet, "203.0.113.2/24")
    world.router("router", internet, "203.0.113.10/24", home, "192.168.1.1/24")
    card = laptop.attach(home, "192.168.1.2/24", gateways=["192.168.1.1"])
    laptop.change_address(card, "192.168.1.77/24")
    assert card.ip == "192.168.1.77"
    addresses = laptop.run(["ip", "-4", "addr", "show", "dev", card.interface]).stdout
    assert "192.168.1.77/24" in addresses
    assert "192.168.1.2/24" not in addresses
    assert laptop.run(["ping", "-c", "1", "-W", "2", "203.0.113.2"]).returncode == 0


def test_lone_addresses_are_reached_over_the_internet_by_everyone(world: World) -> None:
    internet = world.switch("internet")
    nas, vps = world.host("nas"), world.host("vps")
    nas.attach(internet, "203.0.113.2/32", "2001:db8:a::2/128")
    vps.attach(internet, "198.51.100.3/32", "2001:db8:b::3/128")
    for address in ("203.0.113.2", "2001:db8:a::2"):
        assert vps.run(["ping", "-c", "1", "-W", "2", address]).returncode == 0


def test_a_card_does_not_answer_for_the_addresses_of_another(world: World) -> None:
    internet, elsewhere = world.switch("internet"), world.switch("elsewhere")
    nas, vps = world.host("nas"), world.host("vps")
    nas.attach(internet, "203.0.113.2/32")
    nas.attach(elsewhere, "100.64.0.1/24", "fd00::1/64")
    vps.attach(internet, "198.51.100.3/32", "2001:db8:b::3/128")
    for address in ("100.64.0.1", "fd00::1"):
        assert vps.run(["ping", "-c", "1", "-W", "1", address], check=False).returncode == 1


def test_a_moved_cable_leads_to_the_other_network(world: World) -> None:
    home, office = world.switch("home"), world.switch("office")
    nas, printer, laptop = world.host("nas"), world.host("printer"), world.host("laptop")
    nas.attach(home, "192.168.1.2/24")
    printer.attach(office, "192.168.2.2/24")
    card = laptop.attach(home, "192.168.1.3/24")
    assert laptop.run(["ping", "-c", "1", "-W", "2", "192.168.1.2"]).returncode == 0
    laptop.move(card, office, "192.168.2.3/24")
    assert laptop.run(["ping", "-c", "1", "-W", "2", "192.168.2.2"]).returncode == 0
    assert laptop.run(["ping", "-c", "1", "-W", "1", "192.168.1.2"], check=False).returncode != 0


def test_each_host_has_its_own_state_and_runtime_directories(world: World) -> None:
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.run(["sh", "-c", "echo nas > /var/lib/mark; echo nas > /run/mark"])
    assert laptop.run(["ls", "/var/lib"]).stdout == ""
    assert "mark" not in laptop.run(["ls", "/run"]).stdout
    assert nas.run(["cat", "/var/lib/mark", "/run/mark"]).stdout.split() == ["nas", "nas"]
    assert nas.run(["uname", "-n"]).stdout == "nas\n"


def test_a_power_cut_ends_every_process_and_leaves_the_host_and_its_disk(world: World) -> None:
    nas = world.host("nas")
    nas.run(["sh", "-c", "echo kept > /var/lib/mark; sleep 1000 >/dev/null 2>&1 &"])
    running = nas.popen(["sleep", "2000"])
    # What enters a host goes by the name of the way in for a moment.
    assert eventually(lambda: nas.processes() == ["sleep 1000", "sleep 2000"])
    nas.kill_everything()
    assert running.complete().returncode == -9
    assert nas.processes() == []
    assert nas.run(["cat", "/var/lib/mark"]).stdout == "kept\n"
