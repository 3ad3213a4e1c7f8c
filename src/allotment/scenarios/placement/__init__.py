"""Scenarios of kube-scheduler's twin: reading and replaying them."""
