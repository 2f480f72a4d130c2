"""Every cap on what a stranger, a member or a file can make grow, beside the attack it stops."""

from __future__ import annotations
