"""How a daemon is started: requests and reports, each a line."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.api.errors import ApiError
from meshdht.api.launch import (
    Create,
    Failed,
    Join,
    LaunchRequest,
    Logging,
    Progress,
    Ready,
    Reporter,
    Run,
    decode_launch,
    decode_report,
)
from meshdht.api.messages import encode_line

texts = st.text(max_size=20)
ports = st.none() | st.integers(1, 65535)
actions = st.one_of(
    st.builds(Create, network=texts, name=texts, listen_port=ports, ipv4_range=st.none() | texts),
    st.builds(
        Join, link=texts, name=st.none() | texts, listen_port=ports, network=st.none() | texts
    ),
    st.builds(Run, network=texts),
)
reports = st.one_of(
    st.builds(Progress, texts),
    st.builds(Logging, texts),
    st.builds(
        Ready,
        network=texts,
        socket=texts,
        device=texts,
        addresses=st.lists(texts, max_size=2).map(tuple),
    ),
    st.builds(Failed, message=texts, hint=texts, exit_code=st.integers(0, 255)),
)


@given(actions, st.none() | st.integers(3, 99))
def test_a_request_survives_its_line(action: Create | Join | Run, report_fd: int | None) -> None:
    request = LaunchRequest(action=action, state_dir="/a", runtime_dir="/b", report_fd=report_fd)
    assert decode_launch(encode_line(request)) == request


@given(reports)
def test_a_report_survives_its_line(report: Progress | Logging | Ready | Failed) -> None:
    assert decode_report(encode_line(report)) == report


@pytest.mark.parametrize("line", [b"", b"\n", b"{}", b'{"action": {"type": "dance"}}', b"\xff"])
def test_a_daemon_started_by_hand_says_how_it_is_started(line: bytes) -> None:
    with pytest.raises(ApiError, match="without a request") as caught:
        decode_launch(line)
    assert caught.value.exit_code == 2


def test_the_link_is_not_shown_when_a_request_is() -> None:
    assert "s3cret" not in repr(Join(link="meshdht://s3cret", name="laptop"))


def test_the_recovery_key_is_told_once_and_not_shown_in_the_foreground(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ready = Ready(network="home", socket="", device="nas", addresses=("100.64.7.9",))
    foreground = Reporter(None)
    foreground.keep_recovery_key("ABCD-EFGH")
    foreground.ready(ready)
    assert "nas" in capsys.readouterr().err
    read_end, write_end = os.pipe()
    background = Reporter(write_end)
    background.keep_recovery_key("ABCD-EFGH")
    background.ready(ready)
    with open(read_end, "rb") as reports:
        told = decode_report(reports.read())
    assert isinstance(told, Ready)
    assert told.recovery_key == "ABCD-EFGH"
    for each in (told, foreground, background):
        assert "ABCD-EFGH" not in repr(each)
    assert "ABCD-EFGH" not in (*vars(foreground).values(), *vars(background).values())


def test_a_daemon_that_starts_again_is_not_ready_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ready = Ready(network="home", socket="", device="nas", addresses=("100.64.7.9",))
    reporter = Reporter(None)
    reporter.ready(ready)
    reporter.ready(ready)
    assert capsys.readouterr().err.count("is up as nas") == 1


def test_a_report_to_somebody_who_has_left_is_no_failure() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    reporter = Reporter(write_end)
    reporter.progress("reading the state")
    assert reporter.failed(ApiError("the port is taken", exit_code=3)) == 3
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(write_end)


def test_an_error_without_words_is_reported_by_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert Reporter(None).failed(ZeroDivisionError("by zero")) == 1
    assert capsys.readouterr().err == "meshdht: ZeroDivisionError: by zero\n"
