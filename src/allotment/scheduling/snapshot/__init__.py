"""The only bridge from what was observed into the twins: queueing here, placement in `placement`."""
