"""Topology-aware scheduling: which domains a PodSet lands on."""
