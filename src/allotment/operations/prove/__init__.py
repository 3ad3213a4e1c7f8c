"""Guardrails tried live."""
