"""What passes between us and a Slurm: what is handed in, and what it tells of jobs, nodes, limits and accounts."""
