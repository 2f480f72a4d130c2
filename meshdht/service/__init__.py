"""What makes meshdht a service of the machine: units of systemd, and a user of its own."""

# Where state and sockets lie, unless the user says otherwise. A service has these.
STATE_DIR = "/var/lib/meshdht"
RUNTIME_DIR = "/run/meshdht"
