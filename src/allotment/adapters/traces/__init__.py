"""Scenario files and workload traces on disk: JSON Lines, CSV, Standard Workload Format, each also gzipped."""
