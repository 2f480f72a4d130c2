"""``doctor``: what may keep this machine from its mesh, each with the command that mends it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from msgspec.structs import replace

from meshdht import __version__
from meshdht.api.client import Client
from meshdht.api.doctor_messages import Diagnosis, Finding
from meshdht.api.errors import ApiError, NoDaemon, NoPermission, as_root
from meshdht.cli.output import coloured, printable, say, say_json, style
from meshdht.cli.progress import Progress
from meshdht.cli.settings import Settings, common_options, json_option, settings_of

# As a rule: names that do not resolve, and peers that are asked about the NAT, take this long.
EXPECTED_S = 4.0
_MARKS = {"fine": "✔", "note": "○", "problem": "✘", "unknown": "?"}
_COLOURS = {"fine": "green", "note": "yellow", "problem": "red", "unknown": "dim"}


@click.command()
@json_option
@common_options()
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """What may keep this machine from its mesh, each with the command that mends it.

    Looks at the kernel, TUN, rights, the port, the firewall, the clock, packet sizes, names, the
    state directory and the log; with a running daemon also at NAT and peers. Changes nothing, and
    works before there is any network. ✔ is fine, ○ could be better, ✘ is a problem, ? could not be
    looked at. Exits 1 if there is a problem.

    \b
    Example: sudo meshdht doctor
    """
    settings = settings_of(context)
    network = settings.chosen() if settings.network or settings.networks() else None
    with Progress("looking around", expected_s=EXPECTED_S):
        diagnosis = diagnose(settings, network)
    if as_json:
        say_json(diagnosis)
    else:
        for line in doctor_lines(diagnosis, on=coloured(sys.stdout)):
            say(line)
    if diagnosis.problems:
        context.exit(1)


def diagnose(settings: Settings, network: str | None) -> Diagnosis:
    """By the network's daemon; by this process where none answers, which is a finding then."""
    from meshdht.doctor.checks.releases import judge_releases

    if network is None:
        return _local(settings, None, None)
    try:
        with Client(settings.socket(network)) as daemon:
            found = _with_log(daemon.diagnosis(), settings.state_dir / network)
            release = judge_releases(__version__, daemon.release)
    except NoDaemon as error:
        down = Finding(check="daemon", level="problem", message=error.message, fix=error.hint)
        return _local(settings, network, down)
    except NoPermission as error:
        fix = as_root("meshdht doctor")
        shut = Finding(check="daemon", level="unknown", message=error.message, fix=fix)
        return _local(settings, network, shut)
    except ApiError as error:
        said = f"{error.message} ({error.hint})" if error.hint else error.message
        return _local(settings, network, Finding(check="daemon", level="problem", message=said))
    return _with(found, release)


def _with_log(diagnosis: Diagnosis, directory: Path) -> Diagnosis:
    """A service may not read the journal that has its log; this user may."""
    from meshdht.doctor.checks import log
    from meshdht.doctor.machine import Machine
    from meshdht.doctor.reading import read_log

    if any(each.check == log.NAME for each in diagnosis.findings):
        return diagnosis
    found = log.judge(Machine(unix=time.time(), log=read_log(directory)), None)
    return replace(diagnosis, findings=(*diagnosis.findings, *found))


def _local(settings: Settings, network: str | None, daemon: Finding | None) -> Diagnosis:
    from meshdht.doctor.examine import examine
    from meshdht.doctor.reading import read_machine

    begun = time.monotonic()
    findings = examine(read_machine(settings.state_dir, network), None)
    took_s = round(time.monotonic() - begun, 2)
    found = Diagnosis(network=network, daemon=False, findings=findings, took_s=took_s)
    return found if daemon is None else _with(found, daemon)


def _with(diagnosis: Diagnosis, first: Finding) -> Diagnosis:
    return replace(diagnosis, findings=(first, *diagnosis.findings))


def doctor_lines(diagnosis: Diagnosis, *, on: bool) -> list[str]:
    """The findings as text, in colour if ``on``."""
    lines = []
    width = max((len(each.check) for each in diagnosis.findings), default=0)
    for each in diagnosis.findings:
        mark = style(_MARKS[each.level], _COLOURS[each.level], on=on)
        check = style(each.check.ljust(width), "dim", on=on)
        lines.append(f"{mark} {check}  {printable(each.message)}")
        if each.fix:
            lines.append(f"  {' ' * width}  {style(printable(each.fix), 'cyan', on=on)}")
    count = len(diagnosis.problems)
    said = "no problem" if not count else "1 problem" if count == 1 else f"{count} problems"
    colour = "red" if count else "green"
    where = "" if diagnosis.daemon else " (without the daemon)"
    return [*lines, f"{style(said, 'bold', colour, on=on)} found{where}"]
