"""Causes of the layer `scheduler`, a file each; `table.py` has their order."""
