"""A Slurm: over slurmrestd, over its command line, and one in memory."""
