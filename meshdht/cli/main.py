"""The parser: verbs that are imported when used, one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, cast

import click

from meshdht import __version__
from meshdht.api.errors import ApiError
from meshdht.cli.group import EXIT_USAGE, VerbGroup
from meshdht.cli.output import complain, interactive
from meshdht.cli.settings import common_options, settings_of

EXIT_INTERRUPTED = 130

# Sections of the help; each verb with its module and what it does.
VERBS: dict[str, dict[str, tuple[str, str]]] = {
    "Begin": {
        "init": ("start", "Make a network, with this device its first admin."),
        "invite": ("invite", "Print a link that lets another device in."),
        "join": ("start", "Join a network by its invite link."),
        "anchor": ("anchor", "Hold a network's records blindly, on a box that is always on."),
        "demo": ("start", "Build a small mesh on this machine, and take it away again."),
    },
    "Administer": {
        "invites": ("invites", "The invites of the network, and what became of them."),
        "device": ("device", "Name a device, tag it, or let it expire."),
        "dns": ("dns", "Names beside those of the devices."),
        "admin": ("admin", "Make a device an admin, or one no more."),
        "recover": ("recover", "Make this device an admin, by the recovery key."),
        "rotate": ("rotate", "Begin a new network secret."),
        "approvals": ("approve", "The devices that wait for approval."),
        "approve": ("approve", "Let a device in that waits, or refuse it."),
        "revoke": ("revoke", "Put a device out of the network, for ever."),
        "leave": ("leave", "Take this device out of the network, for ever."),
        "forget": ("forget", "Remove what this machine holds of a network."),
    },
    "Keep": {
        "backup": ("backup", "Write this device to an encrypted file."),
        "restore": ("backup", "Make this machine the device of a backup."),
    },
    "Look": {
        "status": ("show", "This network: one line a peer."),
        "peers": ("show", "The other devices and how they are reached, in full."),
        "devices": ("show", "Every device that belongs to the network."),
        "links": ("links", "Who is linked to whom, as the devices say."),
        "whois": ("whois", "Whose an address, a name or a key is."),
        "watch": ("watch", "What changes, as it does: a JSON object a line."),
        "metrics": ("metrics", "Counters for Prometheus."),
        "log": ("log", "What was done to the network: when, by whom, by which key."),
        "ping": ("ping", "Reach a peer over the mesh, and say by which path."),
        "path": ("path", "Every way to a peer, and why it is reached as it is."),
        "tui": ("tui", "Watch the network live (also: meshdht alone)."),
    },
    "Mend": {
        "doctor": ("doctor", "What may keep this machine from its mesh, and how to mend it."),
        "netcheck": ("netcheck", "What the network around this device lets it do."),
        "bugreport": ("bugreport", "What helps to find a fault, without names and addresses."),
    },
    "Run": {
        "up": ("start", "Start the network's daemon in the background."),
        "wait": ("wait", "Until the network is up, or a peer is reached."),
        "get": ("configure", "The settings, or one of them."),
        "set": ("configure", "Change settings, at once and for good."),
        "down": ("start", "Stop it, leaving no interface, route or process."),
        "daemon": ("start", "Run it in the foreground, for systemd and containers."),
        "service": ("service", "Have systemd start it at boot, as a user of its own."),
    },
    "About": {
        "completion": ("completion", "Have your shell complete verbs and names."),
        "manual": ("manual", "The manual page, for man."),
        "version": ("show", "The release of this program."),
    },
}


# Verbs whose function cannot have their name.
_FUNCTIONS = {"set": "set_"}


class LazyGroup(VerbGroup):
    """A group whose verbs live in modules that are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [verb for section in VERBS.values() for verb in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in VERBS.values():
            if cmd_name in section:
                module = importlib.import_module(f"meshdht.cli.verbs.{section[cmd_name][0]}")
                return cast(click.Command, getattr(module, _FUNCTIONS.get(cmd_name, cmd_name)))
        return None

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Verbs by their names and texts alone, without importing each."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(verb, help=text)
            for section in VERBS.values()
            for verb, (_, text) in section.items()
            if verb.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in VERBS.items():
            with formatter.section(title):
                formatter.write_dl([(verb, text) for verb, (_, text) in section.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    subcommand_metavar="[VERB [OPTIONS]]",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Options may stand before or after the verb; meshdht VERB --help says more.",
)
@common_options(environment=True)
@click.version_option(__version__, message="meshdht %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """A private mesh network for your own machines, with nobody in the middle.

    Alone, meshdht opens a live view of the network.
    """
    if context.invoked_subcommand is not None:
        return
    settings = settings_of(context)
    if interactive():
        from meshdht.cli.verbs.tui import open_tui

        context.exit(open_tui(settings))
    if settings.network is None and not settings.networks():
        click.echo(context.get_help(), err=True)
        context.exit(EXIT_USAGE)
    from meshdht.cli.verbs.show import show_status

    show_status(settings)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code and never raises."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    try:
        result = cli.main(arguments, prog_name="meshdht", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except ApiError as error:
        complain(error.message, error.hint)
        return error.exit_code
    except click.UsageError as error:
        complain(error.format_message().rstrip("."), _help_of(error))
        return EXIT_USAGE
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except SystemExit as error:
        # click ends so when whoever read the answer has seen enough (a closed pipe).
        return error.code if isinstance(error.code, int) else 1
    except Exception as error:
        if os.environ.get("MESHDHT_DEBUG"):
            raise
        complain(
            f"this should not have happened: {type(error).__name__}: {error}",
            "report it with what MESHDHT_DEBUG=1 shows",
        )
        return 1


def _help_of(error: click.UsageError) -> str:
    return f"{error.ctx.command_path} --help" if error.ctx is not None else "meshdht --help"
