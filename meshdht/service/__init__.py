"""What makes meshdht a service of the machine: units of systemd, and a user of its own."""
