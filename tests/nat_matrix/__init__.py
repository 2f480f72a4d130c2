"""What path comes up between every two situations that a device can be in, and how soon.

One world, one network: a device with a real daemon in each situation (``situations``), joined once,
and a public member that is always on. In each round every device in turn is started cold: its
daemon stopped, its router's state forgotten, its daemon started; at once it sends packets through
the tunnel to all others until they answer, and watches its paths (``probe``, ``rounds``). So a
round measures all pairs in both directions. ``expectations`` says what must come up, ``tables``
prints it.

    python -m tests.nat_matrix --help
"""
