"""Who has to give way: the classical algorithm and fair sharing's (KEP-83, KEP-1714)."""
