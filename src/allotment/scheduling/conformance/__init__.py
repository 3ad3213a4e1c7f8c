"""Replay of recorded decisions and comparison with ours."""
