"""What a report of a fault holds, and what it must not."""
