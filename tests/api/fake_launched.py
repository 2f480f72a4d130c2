"""A daemon as far as starting goes: what it does is the name of the network it is asked to run.

It writes what it saw to ``state_dir``/seen.json: the request, its arguments, session and stdin.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from meshdht.api.launch import Create, Join, Ready, Reporter, read_request
from tests.api.fake_administration import Trouble


def main() -> int:
    request = read_request()
    reporter = Reporter(request.report_fd)
    state = Path(request.state_dir)
    action = request.action
    seen = {
        "argv": sys.argv,
        "leader": os.getsid(0) == os.getpid(),
        "cwd": os.getcwd(),
        "stdin": sys.stdin.read(),
        "link": action.link if isinstance(action, Join) else None,
        "name": getattr(action, "name", None),
        "port": getattr(action, "listen_port", None),
        "inheritable": request.report_fd is not None and os.get_inheritable(request.report_fd),
    }
    (state / "seen.json").write_text(json.dumps(seen))
    network = getattr(action, "network", None) or "home"
    reporter.progress("reading the state")
    match network:
        case "refused":
            return reporter.failed(Trouble("port 51820 is taken", "choose --listen-port", 1))
        case "crashes":
            print("Traceback: the last words", file=sys.stderr, flush=True)
            os._exit(3)
        case "crashes-later":
            reporter.log_to(state / "daemon.log")
            print("ValueError: it was the log", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        case "babbles":
            os.write(request.report_fd or 2, b"not a report\n")
            time.sleep(60)
        case "waits":
            reporter.progress("waiting for approval", 30.0)
            time.sleep(3.0)
        case "hangs":
            reporter.log_to(state / "daemon.log")
            reporter.progress("looking for a member")
            time.sleep(60)
    reporter.log_to(state / "daemon.log")
    addresses = ("100.64.7.9", "fd5a::9")
    if isinstance(action, Create):
        reporter.keep_recovery_key("ABCD-EFGH")
    reporter.ready(
        Ready(
            network=network,
            socket=os.path.join(request.runtime_dir, f"{network}.sock"),
            device=getattr(action, "name", None) or "box",
            addresses=addresses,
        )
    )
    print("in the log", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
