"""Pending workloads: order, requeue rules, what wakes them."""
