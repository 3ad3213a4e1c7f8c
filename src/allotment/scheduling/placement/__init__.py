"""Placement: which node a pod goes to, which pods must make room, and why it must wait; as kube-scheduler decides."""
