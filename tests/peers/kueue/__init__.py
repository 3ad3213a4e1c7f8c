"""Our engine beside the real Kueue in process (benchmarks/peers/kueue), on random scenarios."""
