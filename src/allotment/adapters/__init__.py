"""All I/O: one folder for each outside system, independent of each other."""
