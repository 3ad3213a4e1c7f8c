"""Snapshots and transitions over time → a ledger that closes to capacity times time; prices, books, what is wasted."""
