"""Causes of the layer `node`, a file each; `table.py` has their order."""
