"""Snapshots and transitions over time → a ledger that closes to capacity × time; prices, books, what is wasted."""
