"""Every verb of the command line as a new user meets it, on machines that systemd has booted."""
