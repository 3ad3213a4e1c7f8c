"""Causes of the layer `policy`, a file each; `table.py` has their order."""
