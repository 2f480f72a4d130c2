"""meshdht: a private mesh network for the machines of one household, with nobody in the middle."""

__version__ = "0.1.0"
