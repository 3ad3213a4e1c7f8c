"""Placement on GPUs that can be shared: the openb model, its policies, and fragmentation as ATC'23 (FGD) defines it."""
