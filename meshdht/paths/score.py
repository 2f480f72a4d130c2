"""Which of two live paths is better; pure, with hysteresis.

A path's cost is its round-trip time plus a handicap by kind. A handicap is what one would
wait to stay on the better kind: a LAN address stays when the Internet's shortest way is a
few milliseconds faster in a lucky moment. A challenger must be clearly better, or two equal
paths would swap with every jitter.
"""

from __future__ import annotations

from meshdht.paths.candidate import PathKind

HANDICAP_S = {PathKind.LAN: 0.0, PathKind.DIRECT: 0.005, PathKind.RELAY: 0.050}
# TCP in between: one lost packet holds up all behind it.
STREAM_S = 0.100
# A switch must save a fifth of the cost and at least two milliseconds.
SWITCH_FACTOR = 0.8
SWITCH_MARGIN_S = 0.002


def cost_s(kind: PathKind, rtt_s: float) -> float:
    """Seconds: lower is better."""
    return rtt_s + HANDICAP_S[kind]


def is_clearly_better(challenger_s: float, incumbent_s: float) -> bool:
    """Whether the challenger's cost justifies leaving the incumbent."""
    return challenger_s < incumbent_s * SWITCH_FACTOR - SWITCH_MARGIN_S
