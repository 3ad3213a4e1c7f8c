"""Scenarios run on the scheduling twins under a virtual clock: events, outages, figures, estimates."""
