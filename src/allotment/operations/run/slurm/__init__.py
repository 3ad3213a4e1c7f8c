"""Slurm as a place where jobs run."""
