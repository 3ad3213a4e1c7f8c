"""Live differential tests: random small scenarios, decided by the real Kueue and kube-scheduler and by our engine."""
