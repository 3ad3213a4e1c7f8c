"""Causes of pods that have a node and do not do their work, a file each; `table.py` has their order."""
