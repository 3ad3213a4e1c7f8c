"""Nodes of a topology as a forest of domains, and what is free in each."""
