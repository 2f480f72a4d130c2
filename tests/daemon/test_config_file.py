"""A line of the file is changed, and nothing else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.daemon.config import Config, parse_config
from meshdht.daemon.config_file import with_values, write_file
from meshdht.errors import StateError

TEXT = """# my laptop
listen_port = 41820   # forwarded
 log_level = "info" # quiet
anchors = [
  "vps.example:41820",
]
"""


def read(text: str) -> Config:
    return parse_config(text, Path("config.toml"))


def test_a_value_replaces_the_line_and_leaves_the_rest() -> None:
    text = with_values(TEXT, {"log_level": "debug"})
    assert text == TEXT.replace(' log_level = "info" # quiet', 'log_level = "debug"')


def test_a_new_key_comes_last_and_none_takes_one_out() -> None:
    text = with_values(TEXT, {"mtu": 1400, "listen_port": None})
    assert text.endswith("mtu = 1400\n")
    assert "listen_port" not in text
    assert with_values("", {"mtu": None}) == ""
    assert with_values('log_level = "info"', {"mtu": 1400}) == 'log_level = "info"\nmtu = 1400\n'
    assert with_values("mtu = 1300", {"mtu": None}) == ""


def test_a_list_over_several_lines_is_replaced_as_a_whole() -> None:
    text = with_values(TEXT + "mtu = 1400\n", {"anchors": ["[2001:db8::1]:41820"]})
    assert text.endswith('anchors = ["[2001:db8::1]:41820"]\nmtu = 1400\n')
    nested = """anchors = [ # ] not yet
  '[2001:db8::2]:1', "a\\"]b",
] # here
mtu = 1400
"""
    assert with_values(nested, {"anchors": None}) == "mtu = 1400\n"


def test_a_new_key_does_not_fall_into_a_table() -> None:
    assert with_values("[later]\nx = 1\n", {"mtu": 1400}) == "mtu = 1400\n[later]\nx = 1\n"


@given(
    st.fixed_dictionaries(
        {
            "log_level": st.sampled_from(["debug", "info", "warning", "error"]),
            "port_mapping": st.booleans(),
            "mtu": st.integers(1280, 9000),
        }
    )
)
def test_what_was_written_is_read(values: dict[str, bool | int | str]) -> None:
    config = read(with_values(TEXT, values))
    assert {name: getattr(config, name) for name in values} == values
    assert (config.listen_port, config.anchors) == (41820, ["vps.example:41820"])


def test_the_file_is_its_owners_alone_whatever_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("old")
    path.chmod(0o644)
    write_file(path, "mtu = 1400\n")
    assert path.read_text() == "mtu = 1400\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["config.toml"]


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot write"):
        write_file(tmp_path / "absent" / "config.toml", "")
