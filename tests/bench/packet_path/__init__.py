"""How fast packets go through a tunnel, ours beside others, in one call."""
