"""What every room's tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# A run is the same run everywhere and whatever the load; HYPOTHESIS_PROFILE=explore looks further.
settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
