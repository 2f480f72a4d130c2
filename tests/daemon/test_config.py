"""The configuration file: every key, and every way to get it wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdht.daemon.config import MAY_BE, Config, read_config
from meshdht.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_config(tmp_path / "config.toml") == Config()
    assert read_config(written(tmp_path, "")) == Config()


def test_of_every_key_it_is_known_what_it_may_be(tmp_path: Path) -> None:
    assert set(MAY_BE) == set(Config.__struct_fields__)
    with pytest.raises(ConfigError, match="anchors is to be at most 16 of host:port"):
        read_config(written(tmp_path, 'anchors = ["vps.example"]'))
    with pytest.raises(ConfigError, match=r"toml: mtu is to be a number from 1280 to 9000$"):
        read_config(written(tmp_path, "mtu = 5"))


def test_every_key_is_read(tmp_path: Path) -> None:
    text = (
        'listen_port = 5000\nengine = "embedded"\ninterface = "mesh0"\nlog_level = "debug"\n'
        "mtu = 1280\n"
        'anchors = ["vps.example:41820", "[2001:db8::1]:9"]\nexclude_interfaces = ["wlan0"]\n'
        "port_mapping = false\n"
        'relay = "off"\nrelay_ports = "5000-5001"\nrelay_mbit = 20\nstun = "stun.example:3478"\n'
    )
    config = read_config(written(tmp_path, text))
    assert config == Config(
        listen_port=5000,
        engine="embedded",
        interface="mesh0",
        log_level="debug",
        mtu=1280,
        stun="stun.example:3478",
        anchors=["vps.example:41820", "[2001:db8::1]:9"],
        exclude_interfaces=["wlan0"],
        port_mapping=False,
        relay="off",
        relay_ports="5000-5001",
        relay_mbit=20,
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("listen_port = 65536", "listen_port"),
        ("listen_port = -1", "listen_port"),
        ('listen_port = "5000"', "listen_port"),
        ("listen_port = 5000.5", "listen_port"),
        ("listen_port = true", "listen_port"),
        ('engine = "kernel-ish"', "engine"),
        ('interface = "sixteen-letters-"', "interface"),
        ('interface = "a/b"', "interface"),
        ('interface = ""', "interface"),
        ('log_level = "loud"', "log_level"),
        ('anchors = "vps.example:41820"', "anchors"),
        ('anchors = ["vps.example"]', "anchors"),
        ('anchors = ["vps.example:port"]', "anchors"),
        ('relay = "maybe"', "relay"),
        ('relay_ports = "5000"', "relay_ports"),
        ("relay_mbit = -1", "relay_mbit"),
        ('relay_ports = "5001-5000"', "relay_ports"),
        ('relay_ports = "1023-5000"', "relay_ports"),
        ('relay_ports = "60000-70000"', "relay_ports"),
        ("mtu = 1279", "mtu"),
        ("mtu = 9001", "mtu"),
        ("mtu = 0", "mtu"),
        ('mtu = "1420"', "mtu"),
        ("mtu = true", "mtu"),
        ('exclude_interfaces = ["eth 0"]', "exclude_interfaces"),
        ('port_mapping = "yes"', "port_mapping"),
        ("[listen_port]\nnumber = 1", "listen_port"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_key(
    tmp_path: Path, text: str, wrong: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        read_config(path)
    assert str(path) in raised.value.message
    assert wrong in raised.value.message
    assert raised.value.hint
    assert raised.value.exit_code == 2


def test_an_unknown_key_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'listen_prot'") as raised:
        read_config(written(tmp_path, "listen_prot = 5000"))
    assert raised.value.hint == "did you mean listen_port?"


def test_a_key_like_no_other_gets_the_list_of_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read_config(written(tmp_path, "xyzzy = 1"))
    for key in Config.__struct_fields__:
        assert key in raised.value.hint


@pytest.mark.parametrize("content", [b"listen_port =", b"[", b"\xff\xfe", b"a = 1\na = 2"])
def test_what_is_not_toml_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is not TOML"):
        read_config(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot read") as raised:
        read_config(path)
    assert str(path) in raised.value.message
