"""A diagnosis as text: what is the matter first, each with the command that helps. Pure, and free
of Textual."""

from __future__ import annotations

import textwrap

from rich.text import Text

from meshdht.api.doctor_messages import Diagnosis, Finding

from .colours import ACCENT, BAD, GOOD, MUTED, WARN

_MARKS = {"fine": ("✓", GOOD), "note": ("!", WARN), "problem": ("✕", BAD), "unknown": ("?", MUTED)}
_LABEL = 16


def verdict(diagnosis: Diagnosis) -> Text:
    """One line: whether all is well, and how long it took to see."""
    problems = len(diagnosis.problems)
    notes = sum(each.level == "note" for each in diagnosis.findings)
    if problems:
        said = (f"✕ {problems} problem{'' if problems == 1 else 's'}", BAD)
    elif notes:
        said = (f"! {notes} thing{'' if notes == 1 else 's'} could be better", WARN)
    else:
        said = ("✓ all is well", GOOD)
    looked = f"   {len(diagnosis.findings)} checks in {diagnosis.took_s:.1f} s"
    return Text.assemble(said, (looked, MUTED), no_wrap=True)


def finding_lines(finding: Finding, width: int) -> Text:
    """A finding, and below it what to do, none of it wider than ``width``."""
    mark, colour = _MARKS[finding.level]
    text = Text.assemble((f"{mark} ", colour), (f"{finding.check:<{_LABEL}}", MUTED))
    indent = "\n" + " " * (_LABEL + 2)
    room = max(20, width - _LABEL - 2)
    said = indent.join(textwrap.wrap(finding.message, room))
    text.append(said, "" if finding.level != "fine" else MUTED)
    if finding.fix:
        text.append(indent).append(finding.fix, ACCENT)
    return text


def findings_text(diagnosis: Diagnosis, width: int) -> Text:
    """The verdict, and all findings in their order."""
    found = [finding_lines(each, width) for each in diagnosis.findings]
    return Text("\n").join([verdict(diagnosis), Text(), *found])


def fixes(diagnosis: Diagnosis) -> list[str]:
    """The commands that help, in their order."""
    return [each.fix for each in diagnosis.findings if each.fix]
