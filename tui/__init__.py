"""The live view of a network in a terminal, over the daemon's local API alone."""
