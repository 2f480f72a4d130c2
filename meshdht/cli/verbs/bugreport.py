"""``bugreport``: what helps to find a fault, without what is nobody's business."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from meshdht.api.errors import ApiError
from meshdht.cli.confirm import yes_option
from meshdht.cli.output import interactive, note
from meshdht.cli.progress import Progress
from meshdht.cli.settings import common_options, settings_of
from meshdht.cli.verbs.doctor import EXPECTED_S


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it there.  [meshdht-bugreport-DATE.md here, if you say yes]",
)
@yes_option
@common_options()
@click.pass_context
def bugreport(context: click.Context, output: Path | None, yes: bool) -> None:
    """Show what helps to find a fault, and write it to a file if you say so.

    Versions, the doctor's findings, status, settings and the end of the log. Names, addresses,
    keys and links are replaced, and of what is left only words that are the program's own stay.
    Nothing is sent anywhere: read it, then attach it to your report. Root sees more.

    \b
    Example: sudo meshdht bugreport
    """
    from meshdht.cli.report.composition import compose
    from meshdht.cli.report.gathering import gather

    settings = settings_of(context)
    network = settings.chosen() if settings.network or settings.networks() else None
    with Progress("looking around", expected_s=EXPECTED_S):
        report = compose(gather(settings, network))
    sys.stdout.write(report)
    sys.stdout.flush()
    path = output or Path(time.strftime("meshdht-bugreport-%Y%m%d-%H%M%S.md"))
    if not yes and output is None:
        # In a pipe it was shown, and that is all.
        if not interactive() or not click.confirm(f"write this to {path}?", err=True):
            return
    _write(path, report)
    note(f"written to {path}")


def _write(path: Path, text: str) -> None:
    """A new file, for its owner alone; raises ApiError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ApiError(
            f"cannot write {path}: {error.strerror}", "name a new file: --output FILE", exit_code=2
        ) from None
