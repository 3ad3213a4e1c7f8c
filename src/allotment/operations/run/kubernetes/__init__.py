"""The back end for a Kubernetes cluster with Kueue."""
