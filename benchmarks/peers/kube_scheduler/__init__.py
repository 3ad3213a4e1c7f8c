"""The real kube-scheduler, in process, as a peer of our placement."""
