"""Every cap on what a stranger, a member or a file can make grow, beside the attack it stops."""

from __future__ import annotations

# --- control channel ---
# A spoofed source costs one entry each: without a cap, memory is the attacker's to spend.
MAX_LEARNED_TOKENS = 4096
# A recorded packet sent again is dropped while its nonce is remembered; at a packet a second,
# half a day. Handlers are idempotent, so an older replay changes nothing.
MAX_REMEMBERED_NONCES = 32_768
# A device whose clock is a day off is still heard (boards without a clock battery exist);
# what was recorded earlier than that is not.
CLOCK_WINDOW_S = 26 * 3600
