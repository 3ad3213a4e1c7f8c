"""Causes of the layer `quota`, a file each; `table.py` has their order."""
