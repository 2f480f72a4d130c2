"""Counters on stdout."""

from __future__ import annotations

from meshdht.api.metrics import metrics_text
from tests.api.fake_daemon import STATUS, FakeService
from tests.cli.conftest import Meshdht


def test_it_prints_what_prometheus_reads(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("metrics").out == metrics_text(STATUS)
