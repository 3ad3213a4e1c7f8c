"""Requests for what is gated, the gates, and what is granted."""
