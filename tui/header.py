"""The two lines at the top of every screen: where one is, and what somebody should look after.
Pure, and free of Textual."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from meshdht.api.messages import Status
from meshdht.api.text import age_text, ipv4_first, span_text
from meshdht.api.warning_messages import ClockWarning

from .colours import ACCENT, BAD, BADGE, FAINT, GOOD, MUTED, WARN
from .ledger import Ledger


def header(ledger: Ledger, network: str, width: int, now: float) -> Text:
    """The top line: which network, which device, how many are there."""
    left = Text.assemble((" meshdht ", BADGE), "  ", (network, "bold"))
    status = ledger.status
    if status is None:
        return left
    if ledger.problem is not None:
        right = Text("○ no daemon, trying again ", WARN)
    else:
        online = sum(peer.online for peer in status.peers)
        colour = GOOD if online else MUTED
        right = Text(f"{'●' if online else '○'} {online} of {len(status.peers)} online ", colour)
    right = Text.assemble(*marks(status), right)
    left.append(f"  {status.device.name}", "bold")
    left.append(f" {ipv4_first(status.device.addresses)}", ACCENT)
    about = f"  {status.engine}, up {age_text(ledger.uptime_s(now))}"
    if left.cell_len + len(about) < width - right.cell_len:
        left.append(about, MUTED)
    gap = width - left.cell_len - right.cell_len
    if gap < 1:
        left.truncate(max(1, width - right.cell_len - 1), overflow="ellipsis")
        gap = 1
    line = Text.assemble(left, " " * gap, right, no_wrap=True)
    line.truncate(width)
    return line


def marks(status: Status) -> list[Text]:
    """What somebody should look after, the most urgent first."""
    found = []
    if status.copy_heard is not None:
        found.append(Text(f"⚠ a second {status.device.name} is running  ", BAD))
    if status.engine_trouble:
        found.append(Text("⚠ the tunnel carries nothing  ", BAD))
    if status.held_out_by:
        first, *others = status.held_out_by
        more = f" +{len(others)}" if others else ""
        found.append(Text(f"⚠ revoked for {first}{more}  ", WARN))
    if status.applicants:
        verb = "waits" if status.applicants == 1 else "wait"
        found.append(Text(f"● {status.applicants} {verb} for approval  ", WARN))
    if status.clocks:
        found.append(clock_mark(status.clocks))
    return found


def clock_mark(clocks: Sequence[ClockWarning]) -> Text:
    """``⚠ clock of pi 21 days behind``; of several, the first and how many more."""
    first = clocks[0]
    direction = "ahead" if first.ahead_s > 0 else "behind"
    more = f" +{len(clocks) - 1}" if len(clocks) > 1 else ""
    span = span_text(abs(first.ahead_s))
    return Text(f"⚠ clock of {first.device} {span} {direction}{more}  ", WARN)


def tabs(
    titles: Sequence[tuple[str, str]], current: str, width: int, note: Text | None = None
) -> Text:
    """The screens by their numbers, each a place to click; ``titles`` are keys and what they are
    called. ``note`` stands at the right, if there is any room. Where all do not fit beside it, the
    other screens are numbers alone."""
    beside = note.cell_len + 1 if note is not None and note.plain else 0
    roomy = 1 + sum(len(title) + 5 for _, title in titles) + beside <= width
    line = Text(" ", no_wrap=True)
    for number, (key, title) in enumerate(titles, 1):
        is_here = key == current
        label = title if roomy or is_here else ""
        begin = len(line)
        line.append(f" {number}", ACCENT if is_here else FAINT)
        line.append(f" {label} " if label else " ", "bold" if is_here else MUTED)
        line.stylize(Style(meta={"@click": f"app.go('{key}')"}), begin, len(line))
        if is_here:
            line.stylize("underline", begin + 1, len(line) - 1)
        line.append(" ")
    gap = width - line.cell_len - (note.cell_len if note is not None else 0) - 1
    if note is not None and note.plain and gap >= 0:
        line = Text.assemble(line, " " * gap, note, no_wrap=True)
    line.truncate(width)
    return line
