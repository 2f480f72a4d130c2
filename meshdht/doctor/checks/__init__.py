"""Judgements of a ``Machine``, one thing a file; none reads the system."""
