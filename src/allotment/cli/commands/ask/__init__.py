"""What is: answers from a snapshot of a cluster, live or from a file."""
