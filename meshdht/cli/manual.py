"""The manual page, made from the same texts as ``--help``: roff, for man(1).

Of roff only the man(7) macros are used; every text is escaped, so that no line of it is a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from meshdht import __version__
from meshdht.cli.main import VERBS, cli
from meshdht.cli.walking import all_verbs
from meshdht.service import RUNTIME_DIR, STATE_DIR

_EXIT_CODES = {
    "0": "It is done; for ping and wait: the peer answered.",
    "1": "It failed; for status: the network is not up; for doctor: there is a problem.",
    "2": "The command cannot be understood, or carried out as it stands.",
    "3": "The network does not admit this device, or does no more.",
    "130": "Interrupted by the user.",
}
_ENVIRONMENT = {
    "MESHDHT_STATE_DIR, MESHDHT_RUNTIME_DIR, MESHDHT_NETWORK": "As the options of these names.",
    "MESHDHT_LINK": "The invite link that join takes if none is given.",
    "MESHDHT_HTTP_PROXY": "The proxy that TCP goes by; it may name a user and a password.",
    "MESHDHT_DEBUG": "Shows the traceback of a fault in the program.",
    "NO_COLOR": "Turns colour off.",
}
_FILES = {
    f"{STATE_DIR}/NETWORK/": "The keys and records of a network, its log, and config.toml.",
    f"{RUNTIME_DIR}/NETWORK.sock": "Where its daemon listens to this command.",
}


def manual() -> str:
    """The page of the whole command line."""
    lines = [
        f'.TH MESHDHT 1 "" "meshdht {escaped(__version__)}" "User Commands"',
        ".SH NAME",
        r"meshdht \- a private mesh network for your own machines, with nobody in the middle",
        ".SH SYNOPSIS",
        r".B meshdht",
        escaped("[OPTIONS] [VERB [OPTIONS]]"),
        ".SH DESCRIPTION",
        *_paragraphs(cli.help or ""),
        ".SH OPTIONS",
        *_options(click.Context(cli, info_name="meshdht")),
        ".SH VERBS",
    ]
    contexts = all_verbs()
    for title, section in VERBS.items():
        lines.append(f".SS {escaped(title)}")
        for context in contexts:
            if context.command_path.split()[1] in section:
                lines += _verb(context)
    lines += _table("EXIT STATUS", _EXIT_CODES)
    lines += _table("ENVIRONMENT", _ENVIRONMENT)
    lines += _table("FILES", _FILES)
    return "\n".join(lines) + "\n"


def _verb(context: click.Context) -> Iterator[str]:
    command = context.command
    usage = " ".join(command.collect_usage_pieces(context))
    yield ".TP"
    yield f"\\fB{escaped(context.command_path)}\\fR {escaped(usage)}"
    first, *rest = _paragraphs(command.help or "")
    yield first
    if rest or any(_options(context)):
        yield ".RS"
        yield from rest
        yield from _options(context)
        yield ".RE"


def _options(context: click.Context) -> Iterator[str]:
    for parameter in context.command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield ".TP"
            yield f"\\fB{escaped(record[0])}\\fR"
            yield escaped(record[1])


def _table(title: str, rows: dict[str, str]) -> Iterator[str]:
    yield f".SH {title}"
    for name, text in rows.items():
        yield ".TP"
        yield f"\\fB{escaped(name)}\\fR"
        yield escaped(text)


def _paragraphs(help_: str) -> list[str]:
    """A help text as roff; what stands after click's mark of such is kept as it is."""
    lines: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", help_.strip()):
        first, _, rest = paragraph.partition("\n")
        if lines:
            lines.append(".PP")
        if first.strip() == "\b":
            verbatim = [escaped(line.strip()) for line in rest.splitlines()]
            lines += [".nf", *verbatim, ".fi"]
        else:
            lines.append(escaped(" ".join(paragraph.split())))
    return lines


def escaped(text: str) -> str:
    """Text as roff shows it: no escapes, no command at its begin, dashes that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(each if each.isascii() else f"\\[u{ord(each):04X}]" for each in text)
    return f"\\&{text}" if text.startswith((".", "'")) else text
