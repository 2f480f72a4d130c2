"""Findings travel whole."""

from __future__ import annotations

from meshdht import __version__
from meshdht.api.client import Client
from meshdht.api.doctor_messages import Diagnosis, DiagnosisReply, Finding, GetDiagnosis
from meshdht.api.messages import decode_reply, decode_request, encode_line
from tests.api.fake_daemon import DIAGNOSIS, serving, short_directory


def test_a_request_and_its_reply_are_read_as_they_were_written() -> None:
    assert decode_request(encode_line(GetDiagnosis())) == GetDiagnosis()
    assert decode_reply(encode_line(DiagnosisReply(DIAGNOSIS))) == DiagnosisReply(DIAGNOSIS)


def test_a_client_is_told_what_the_daemon_found_and_which_release_it_is() -> None:
    with short_directory() as directory:
        path = directory / "home.sock"
        with serving(path), Client(path) as daemon:
            assert daemon.release == ""
            assert daemon.diagnosis() == DIAGNOSIS
            assert daemon.release == __version__


def test_a_client_has_more_patience_than_for_other_answers() -> None:
    with short_directory() as directory:
        path = directory / "home.sock"
        with serving(path) as service, Client(path, timeout_s=0.2) as daemon:
            service.diagnosis_takes_s = 0.6
            assert daemon.diagnosis() == DIAGNOSIS


def test_only_problems_are_problems() -> None:
    findings = tuple(
        Finding(check="clock", level=level, message="")
        for level in ("fine", "note", "problem", "unknown")
    )
    found = Diagnosis(network=None, daemon=False, findings=findings)
    assert [each.level for each in found.problems] == ["problem"]
