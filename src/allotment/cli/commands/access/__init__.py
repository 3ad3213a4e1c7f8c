"""Commands of who gets in, and of getting in."""
