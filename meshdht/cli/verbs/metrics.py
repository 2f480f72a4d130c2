"""``metrics``: counters for Prometheus."""

from __future__ import annotations

import sys

import click

from meshdht.api.client import Client
from meshdht.cli.settings import common_options, settings_of


@click.command()
@common_options()
@click.pass_context
def metrics(context: click.Context) -> None:
    """Counters for Prometheus: peers, paths, round trips, traffic, what was thrown away.

    In its text format, for the textfile collector of node_exporter. To have them scraped,
    `meshdht set metrics_port=9586` serves them on this machine's loopback.

    \b
    Example: meshdht metrics
    """
    from meshdht.api.metrics import metrics_text

    with Client(settings_of(context).chosen_socket()) as daemon:
        sys.stdout.write(metrics_text(daemon.status()))
