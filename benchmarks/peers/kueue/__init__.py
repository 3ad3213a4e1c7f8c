"""The real Kueue, in process, as a peer of our queueing."""
