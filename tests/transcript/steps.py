"""What is typed where, in the order of a network's life, and how each command ends.

``{link}`` and the like stand for what an earlier command has printed. A verb that no step runs
fails a test: a new one gets a step here.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LINK = r"meshdht://\S+"


@dataclass(frozen=True, slots=True)
class Step:
    """``command`` is for the shell of a machine; ``keep`` names what is used later, as the last
    that fits a pattern; ``lines`` is how much of the answer is shown."""

    machine: str
    command: str
    exit_code: int = 0
    keep: Mapping[str, str] = field(default_factory=dict)
    lines: int = 40


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    steps: Sequence[Step]


def nas(command: str, exit_code: int = 0, lines: int = 40, **keep: str) -> Step:
    return Step("nas", command, exit_code, keep, lines)


def laptop(command: str, exit_code: int = 0, lines: int = 40, **keep: str) -> Step:
    return Step("laptop", command, exit_code, keep, lines)


def pi(command: str, exit_code: int = 0, lines: int = 40, **keep: str) -> Step:
    return Step("pi", command, exit_code, keep, lines)


CHAPTERS = (
    Chapter(
        "Before there is a network",
        (
            nas("meshdht", 2),
            nas("meshdht version"),
            nas("meshdht status", 1),
            nas("meshdht statsu", 2),
            nas("meshdht help init"),
            nas("meshdht doctor"),
        ),
    ),
    Chapter(
        "The first two devices",
        (
            nas(
                "meshdht init home --name nas",
                key=r"recovery key: (\S+)",
                address=r"100\.\d+\.\d+\.\d+",
            ),
            nas("meshdht status"),
            nas("meshdht invite --name laptop", link=LINK),
            laptop("meshdht join '{link}'"),
            laptop("meshdht wait nas --timeout 30"),
            laptop("meshdht status"),
            laptop("meshdht ping nas"),
            laptop("ping -c 1 -q {address}"),
        ),
    ),
    Chapter(
        "A third one, which an admin approves",
        (
            nas("meshdht invite --name pi --approve --tag garden", link=LINK),
            pi("meshdht join '{link}' > /tmp/join.txt 2>&1 & sleep 5; cat /tmp/join.txt"),
            nas("meshdht approvals", applicant=r"^pi +(\w+)"),
            nas("meshdht approve {applicant}"),
            pi("meshdht wait nas --timeout 60; sleep 3; cat /tmp/join.txt"),
        ),
    ),
    Chapter(
        "Looking at it",
        (
            laptop("meshdht"),
            laptop("meshdht peers"),
            laptop("meshdht devices"),
            laptop("meshdht path nas"),
            laptop("meshdht links"),
            laptop("meshdht whois {address}"),
            laptop("meshdht whois nobody", 2),
            laptop("meshdht log"),
            laptop("timeout -s INT --preserve-status 3 meshdht watch", 130, lines=3),
            laptop("meshdht metrics", lines=9),
            laptop(
                "printf q | script -qec 'stty cols 99 rows 30; meshdht tui' /dev/null > /dev/null"
            ),
        ),
    ),
    Chapter(
        "What is wrong, if anything",
        (
            laptop("meshdht doctor"),
            laptop("meshdht netcheck"),
            laptop("meshdht bugreport", lines=25),
        ),
    ),
    Chapter(
        "Settings",
        (
            laptop("meshdht get mtu"),
            laptop("meshdht set mtu=1300 log_level=debug"),
            laptop("meshdht set mtu=default log_level=default"),
            laptop("meshdht set engine=embedded"),
            laptop("meshdht get"),
            laptop("meshdht set engine=default"),
            laptop("meshdht set mtu=5", 2),
            laptop("meshdht set mut=1300", 2),
        ),
    ),
    Chapter(
        "Administering",
        (
            nas("meshdht invites"),
            nas("meshdht invite --name guest --expires 7d --uses 2", link=LINK),
            nas("meshdht invites --open", invite=r"^(\w+) +guest"),
            nas("meshdht invite revoke {invite} --yes"),
            nas("meshdht device rename laptop notebook"),
            nas("meshdht device rename notebook laptop"),
            nas("meshdht device tag laptop travels"),
            nas("meshdht device expire pi 7d"),
            nas("meshdht device expire pi never"),
            nas("meshdht dns add wiki 100.64.9.9"),
            nas("meshdht dns add blog CNAME nas"),
            nas("meshdht dns list"),
            nas("meshdht dns remove wiki"),
            nas("meshdht admin add laptop"),
            nas("meshdht admin list"),
            nas("meshdht admin remove laptop --yes"),
            nas("meshdht rotate"),
            pi("meshdht device replace-keys --yes"),
        ),
    ),
    Chapter(
        "An anchor",
        (
            nas("meshdht anchor link --name attic", link=LINK.replace("meshdht", r"[a-z-]+")),
            laptop("echo '{link}' | meshdht anchor up --link-file -"),
            laptop("meshdht anchor status"),
            laptop("meshdht anchor list"),
            laptop("meshdht anchor down"),
            laptop("meshdht anchor status", 1),
            laptop(
                "meshdht anchor run &"
                " until meshdht anchor status; do sleep 1; done >/dev/null 2>&1; kill $!; wait $!"
            ),
            laptop("meshdht anchor up"),
            nas("meshdht revoke attic --yes"),
            laptop("meshdht anchor forget --yes"),
        ),
    ),
    Chapter(
        "Down and up, in the foreground, and as a service",
        (
            nas("meshdht down"),
            nas("meshdht status", 1),
            nas("meshdht daemon & meshdht wait --timeout 60; sleep 5; kill $!; wait $!"),
            nas("meshdht up"),
            nas("meshdht up"),
            nas("meshdht service restart"),
            nas("meshdht service remove"),
            nas("meshdht up"),
            nas("meshdht service install"),
            nas("meshdht status"),
        ),
    ),
    Chapter(
        "Keeping, losing and leaving",
        (
            pi("meshdht backup /tmp/pi.backup", 2),
            pi("meshdht down"),
            pi("echo 'correct horse battery' > /tmp/passphrase"),
            pi("meshdht backup /tmp/pi.backup --passphrase-file /tmp/passphrase"),
            pi("rm -r /var/lib/meshdht/home"),
            pi("meshdht restore /tmp/pi.backup --passphrase-file /tmp/passphrase"),
            pi("meshdht up"),
            pi("echo '{key}' | meshdht recover --key-file -"),
            nas("meshdht devices"),
            laptop("meshdht leave --yes"),
            laptop("meshdht status", 1),
            laptop("meshdht forget --yes"),
            laptop("meshdht status", 1),
            pi("meshdht revoke nas --yes"),
            nas("meshdht status", 1),
            nas("meshdht up", 3),
        ),
    ),
    Chapter(
        "The shell and the manual",
        (
            nas("meshdht completion bash", lines=3),
            nas("HOME=/tmp/home meshdht completion --install bash"),
            nas("meshdht manual | head -4"),
            nas("meshdht demo"),
        ),
    ),
)  # fmt: skip
STEPS = [step for chapter in CHAPTERS for step in chapter.steps]


def verbs_of(command: str, known: Sequence[str]) -> set[str]:
    """The verbs among the ``known`` ones, such as ``meshdht dns add``, that a line of shell runs:
    of those that begin alike, the longest."""
    words = shlex.split(command.replace(";", " ; ").replace("'", " "))
    found = set()
    for start, word in enumerate(words):
        if word == "meshdht":
            said = words[start:]
            fitting = [each for each in known if said[: len(each.split())] == each.split()]
            found |= {max(fitting, key=len)} if fitting else set()
    return found
