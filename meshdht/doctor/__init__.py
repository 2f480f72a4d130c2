"""What may keep this machine from its mesh, found out and judged; each finding with its fix.

``reading`` reads the system into a ``Machine``; everything in ``checks`` is pure judgement of it.
It knows the API's messages alone, so that it works in the command line without a daemon, and in the
daemon, which may see more.
"""
