"""The daemon's local interface: messages over a Unix socket, and how a daemon is started."""
