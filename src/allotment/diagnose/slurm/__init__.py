"""What Slurm says and counts, looked through for all that keeps a job of it."""
