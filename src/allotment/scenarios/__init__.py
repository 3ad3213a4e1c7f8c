"""File formats: scenarios, traces, recordings, and changes as users write them. Parsers only."""
