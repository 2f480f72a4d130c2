"""Every verb of the command line, for what is made from all of them."""

from __future__ import annotations

from collections.abc import Iterator

import click


def verbs(group: click.Group, context: click.Context) -> Iterator[click.Context]:
    """A context for each verb, those of a verb's own after it; its ``command_path`` is what a user
    types, its ``command`` the verb."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield inner
        if isinstance(command, click.Group):
            yield from verbs(command, inner)


def all_verbs() -> list[click.Context]:
    """Those of ``meshdht``."""
    from meshdht.cli.main import cli

    return list(verbs(cli, click.Context(cli, info_name="meshdht")))
