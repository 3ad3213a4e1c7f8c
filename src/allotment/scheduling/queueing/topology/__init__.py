"""Topology-aware placement: which domains a PodSet lands on."""
