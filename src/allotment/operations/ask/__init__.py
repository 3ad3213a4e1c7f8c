"""What is: a snapshot of clusters, and what is asked of it."""
