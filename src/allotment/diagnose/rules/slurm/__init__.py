"""Causes of waiting on a Slurm, a file for what belongs together."""
