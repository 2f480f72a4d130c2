"""Settings that change while the daemon runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdht.daemon.config import Config, read_config
from meshdht.daemon.live_settings import LIVE, LiveSettings
from meshdht.errors import ConfigError, MeshdhtError, PlatformError, UsageError


class Bench:
    """Settings over a file, and what was applied."""

    def __init__(self, directory: Path, text: str = "") -> None:
        self.path = directory / "config.toml"
        self.path.write_text(text)
        self.applied: list[Config] = []
        self.fault: MeshdhtError | None = None
        self.settings = LiveSettings("home", self.path, read_config(self.path), self.apply)

    async def apply(self, config: Config) -> None:
        self.applied.append(config)
        if self.fault is not None:
            raise self.fault


async def test_what_is_set_is_applied_written_and_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "listen_port = 41000\n")
    told = await bench.settings.change({"log_level": "debug", "mtu": "1400"})
    assert bench.applied == [bench.settings.config]
    assert bench.settings.config == read_config(bench.path)
    assert bench.settings.config == Config(listen_port=41000, log_level="debug", mtu=1400)
    values = {each.name: (each.value, each.is_default, each.live) for each in told.settings}
    assert values["log_level"] == ("debug", False, True)
    assert values["listen_port"] == (41000, False, False)
    assert values["engine"] == ("auto", True, False)


@pytest.mark.parametrize(
    ("text", "value"),
    [("off", False), ("no", False), ("False", False), ("true", True), ("on", True)],
)
async def test_yes_and_no_are_spelt_in_many_ways(tmp_path: Path, text: str, value: bool) -> None:
    bench = Bench(tmp_path)
    await bench.settings.change({"port_mapping": text})
    assert bench.settings.config.port_mapping is value


async def test_a_list_is_spelt_with_commas(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 'anchors = [\n  "old.example:1",\n]\n')
    await bench.settings.change({"anchors": "vps.example:41820, [2001:db8::1]:41820"})
    assert bench.settings.config.anchors == ["vps.example:41820", "[2001:db8::1]:41820"]
    assert read_config(bench.path) == bench.settings.config
    await bench.settings.change({"anchors": ""})
    assert bench.settings.config.anchors == []
    with pytest.raises(UsageError, match="cannot be"):
        await bench.settings.change({"anchors": "vps.example"})


async def test_default_takes_a_setting_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "mtu = 1400 # for the tunnel\n")
    await bench.settings.change({"mtu": "default"})
    assert bench.settings.config.mtu is None
    assert bench.path.read_text() == ""


@pytest.mark.parametrize(
    "values",
    [
        {"mtu": "17"},
        {"mtu": "large"},
        {"log_level": "loud"},
        {"port_mapping": "perhaps"},
        {"metrics_port": "0"},
        {"mtu": '1400\nengine = "kernel"'},
        {"log_level": "debug", "mtu": "17"},
    ],
)
async def test_what_no_setting_may_be_changes_nothing(
    tmp_path: Path, values: dict[str, str]
) -> None:
    bench = Bench(tmp_path, "mtu = 1400\n")
    with pytest.raises(UsageError, match="cannot be: "):
        await bench.settings.change(values)
    assert (bench.applied, bench.path.read_text()) == ([], "mtu = 1400\n")


async def test_what_is_read_at_start_is_written_and_waits_for_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    told = await bench.settings.change(
        {"listen_port": "41000", "engine": "embedded", "mtu": "1400"}
    )
    assert bench.applied == [Config(mtu=1400)]
    assert read_config(bench.path) == Config(listen_port=41000, engine="embedded", mtu=1400)
    waits = {each.name: (each.value, each.pending) for each in told.settings if each.pending}
    assert waits == {"listen_port": (None, "41000"), "engine": ("auto", "embedded")}
    told = await bench.settings.change({"listen_port": "default", "engine": "auto"})
    assert not any(each.pending for each in told.settings)
    assert len(bench.applied) == 1
    with pytest.raises(UsageError, match="engine is to be auto, kernel or embedded"):
        await bench.settings.change({"engine": "quick"})
    with pytest.raises(UsageError, match="no setting 'logging_level'") as raised:
        await bench.settings.change({"logging_level": "debug"})
    assert raised.value.hint == "did you mean log_level?"


async def test_what_cannot_be_applied_is_not_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.fault = PlatformError("the port is taken")
    before = bench.settings.config
    with pytest.raises(PlatformError):
        await bench.settings.change({"metrics_port": "9586"})
    assert bench.settings.config == before
    assert bench.applied[-1] == before
    assert bench.path.read_text() == ""


async def test_what_the_user_wrote_since_the_start_stays_and_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.path.write_text('engine = "kernel"\n')
    await bench.settings.change({"mtu": "1400"})
    assert bench.settings.config.engine == "auto"
    assert read_config(bench.path) == Config(engine="kernel", mtu=1400)
    bench.path.write_text("engine = \n")
    with pytest.raises(ConfigError):
        await bench.settings.change({"mtu": "1300"})


def test_each_live_setting_is_one() -> None:
    assert set(LIVE) <= set(Config.__struct_fields__)
