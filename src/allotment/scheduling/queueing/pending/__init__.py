"""The pending workloads of ClusterQueues, in the order Kueue tries them."""
