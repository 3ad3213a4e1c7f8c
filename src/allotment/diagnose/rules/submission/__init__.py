"""Causes of the layer `submission`, a file each; `table.py` has their order."""
