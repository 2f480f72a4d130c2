"""How often a path is proved: briskly while it is needed, rarely while it is not.

A path is *needed* while WireGuard has traffic for the peer, or somebody watches. Then its best
pair is proved every KEEPALIVE_S. An idle one is proved so rarely that a device exchanges a probe
a minute, however many peers it has; in between its way through NATs and firewalls is held open
by datagrams of one byte (see lifetime.py), which prove nothing and cost little.
"""

from __future__ import annotations

from dataclasses import dataclass

# The least patient common NATs forget a UDP mapping after 30 s; a lost probe is made up for well
# within the rest.
KEEPALIVE_S = 25.0
STANDBY_S = 120.0
# WireGuard makes a new session every 120 s while there is traffic (REKEY_AFTER_TIME), and each
# tells us: with the time that a handshake may take (paper, section 6.1) in between.
NEEDED_S = 150.0
# An idle path: one exchange in this time for each peer there is, within the bounds.
IDLE_SHARE_S = 60.0
IDLE_SHORTEST_S = 2 * IDLE_SHARE_S
IDLE_LONGEST_S = 15 * 60.0
IDLE_STANDBY_S = 3600.0
# A peer that probes us saves us the probe. But it shows one direction only, so that after so
# many pauses we ask ourselves.
OWN_PROOF = 4
# Pauses after unanswered probes; the last one repeats.
RETRY_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
# Before all but the first of these, while the path is needed: where packets get lost, the way there
# and back may take some tries.
NEEDED_RETRY_S = (0.2, 0.2, 0.3, 0.4)
# Beyond these, while another peer would tell us that a silent one is back.
PATIENT_RETRY_S = (300.0, 900.0, 3600.0, 4 * 3600.0)


@dataclass(slots=True)
class Pace:
    """The pace of all of a device's path agents."""

    peers: int = 0
    """How many peers have a path."""

    @property
    def idle_s(self) -> float:
        """Between two proofs of an idle path."""
        return min(max(IDLE_SHARE_S * self.peers, IDLE_SHORTEST_S), IDLE_LONGEST_S)

    def retry_s(self, misses: int, *, is_needed: bool = False) -> float:
        """The pause after so many unanswered probes, the first of which is number 0."""
        pauses = (*NEEDED_RETRY_S, *RETRY_S[1:]) if is_needed else RETRY_S
        pauses = (*pauses, *PATIENT_RETRY_S) if self.peers else pauses
        return pauses[min(misses, len(pauses) - 1)]
