"""The two twins, which decide as Kueue and as kube-scheduler do: pure, no clock, no I/O."""
