"""When will this job start? An interval with a stated coverage, from repeated simulation."""
