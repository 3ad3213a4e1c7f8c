"""Job → what is handed in to Slurm, and what Slurm has no word for."""
