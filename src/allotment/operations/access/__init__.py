"""Use cases of who gets in."""
