"""Installs meshdht on three machines, runs every verb there, and prints what a user sees.

    python -m tests.transcript > docs/evidence/every-verb.txt

Takes about two minutes, as root. Ends with 1 if a command ends otherwise than it should, and names
it on stderr; with 2 if a verb of the command line is in no step.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from meshdht.cli.walking import all_verbs
from tests.transcript.machines import install, install_again, machines, shell
from tests.transcript.steps import CHAPTERS, STEPS, Step, verbs_of

COLUMNS = 160
HEADER = """\
Every verb of the command line, on three machines that systemd has booted, each with files and a
network of its own: nas, laptop and pi, on one LAN. Printed by `python -m tests.transcript`. What a
command prints is as in a pipe, without colour; lines are cut at {columns} characters. A command
that does not end with exit code 0 is followed by its code.
"""


def known_verbs() -> list[str]:
    """Those that do something: not a verb that only has verbs of its own."""
    return [
        context.command_path
        for context in all_verbs()
        if not isinstance(context.command, click.Group) or context.command.invoke_without_command
    ]


def unused_verbs() -> set[str]:
    known = known_verbs()
    return set(known) - {verb for step in STEPS for verb in verbs_of(step.command, known)}


def shown(said: str, lines_max: int) -> list[str]:
    """What is printed of an answer."""
    lines = [
        line if len(line) <= COLUMNS else line[: COLUMNS - 1] + "…"
        for line in said.rstrip("\n").split("\n")
        if said.strip()
    ]
    left = len(lines) - lines_max
    return lines if left <= 1 else [*lines[:lines_max], f"[{left} more lines]"]


def kept(step: Step, said: str) -> dict[str, str]:
    """What later commands need of an answer."""
    found = {}
    for name, pattern in step.keep.items():
        matches = list(re.finditer(pattern, said, re.MULTILINE))
        assert matches, f"{step.command} printed no {name}"
        found[name] = matches[-1].group(matches[-1].lastindex or 0)
    return found


def run(step: Step, boxes: Mapping[str, Any], words: dict[str, str]) -> bool:
    """Run and print a step; whether it ended as it should."""
    command = step.command.format_map(words)
    began = time.monotonic()
    code, said = shell(boxes[step.machine], command)
    took = f"  [{time.monotonic() - began:.1f} s]" if time.monotonic() - began > 10 else ""
    print(*shown(f"{step.machine}# {command}{took}", 1), *shown(said, step.lines), sep="\n")
    if code:
        print(f"[exit code {code}]")
    sys.stdout.flush()
    if code == step.exit_code:
        words |= kept(step, said)
        return True
    print(f"{step.command}: exit code {code}, not {step.exit_code}", file=sys.stderr)
    return False


def main() -> int:
    """The transcript on stdout; the exit code."""
    if unused := unused_verbs():
        print(f"in no step: {', '.join(sorted(unused))}", file=sys.stderr)
        return 2
    words: dict[str, str] = {}
    failures = 0
    print(HEADER.format(columns=COLUMNS))
    with machines() as boxes:
        first, *others = boxes.values()
        print(f"nas# ./mesh install\n{install(first)}".rstrip())
        for other in others:
            install_again(first, other)
        print("(and so on laptop and pi)")
        for chapter in CHAPTERS:
            print(f"\n--- {chapter.title} ".ljust(100, "-") + "\n")
            for step in chapter.steps:
                failures += not run(step, boxes, words)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
