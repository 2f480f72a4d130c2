"""A verb that has verbs of its own: alone it explains itself, and it knows what was meant."""

from __future__ import annotations

import click

from meshdht.api.errors import ApiError

EXIT_USAGE = 2


class VerbGroup(click.Group):
    """A click group whose mistakes read like the others of the command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(EXIT_USAGE)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if ctx.resilient_parsing:
            # A shell asks what may follow: it is shown no help and no mistakes.
            return super().resolve_command(ctx, args)
        verbs = self.list_commands(ctx)
        if args[0] == "help":
            # What many type first: `help VERB` is `VERB --help`.
            args = [*args[1:], "--help"]
        if args == ["--help"]:
            click.echo(ctx.get_help())
            ctx.exit()
        if args[0] not in verbs and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], verbs, n=1)
            asked = f"{ctx.command_path} {args[0]}".partition(" ")[2]
            raise ApiError(
                f"there is no verb {asked!r}",
                f"{ctx.command_path} {close[0] if close else '--help'}",
                EXIT_USAGE,
            )
        return super().resolve_command(ctx, args)
