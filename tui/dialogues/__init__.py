"""What asks or shows something on top of a screen, one file a kind."""
