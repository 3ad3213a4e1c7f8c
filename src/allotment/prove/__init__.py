"""The guardrails and how to try to break them: probes as data, verdicts as pure functions, evidence as text.

`guardrails.py` is the catalogue; `operations/prove.py` carries the probes out.
"""
