"""Benchmarks: each says its machine, its generator, and what it ran beside."""
