"""The scheduling engine: pure decisions, no clock, no I/O; one engine for scheduling, what-if and replay."""
