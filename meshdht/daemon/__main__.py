"""``python -m meshdht.daemon``: takes one launch request on stdin and becomes the daemon."""

from __future__ import annotations

import asyncio
import sys

from meshdht.api.errors import ApiError
from meshdht.api.launch import Anchor, Backup, Reporter, Restore, Tidy, read_request
from meshdht.api.supervisor import Supervisor
from meshdht.errors import MeshdhtError


def main() -> int:
    """Run the daemon; returns the exit code."""
    try:
        request = read_request()
    except ApiError as error:
        sys.stderr.write(f"meshdht: {error.message}\n  try: {error.hint}\n")
        return error.exit_code
    reporter = Reporter(request.report_fd, Supervisor())
    try:
        # Here, because a missing libsodium shows when the keys are imported.
        if isinstance(request.action, Anchor):
            from meshdht.daemon.anchor import launch_anchor

            launch_anchor(request.action, request, reporter)
        elif isinstance(request.action, Backup | Restore):
            from meshdht.daemon.backing_up import launch_backup

            launch_backup(request.action, request, reporter)
        elif isinstance(request.action, Tidy):
            from meshdht.daemon.tidying import launch_tidying

            launch_tidying(request.action, request, reporter)
        else:
            from meshdht.daemon.launch import launch

            launch(request, reporter)
    except (ApiError, MeshdhtError) as error:
        return reporter.failed(error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return reporter.failed(ApiError("stopped before the network was up"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
