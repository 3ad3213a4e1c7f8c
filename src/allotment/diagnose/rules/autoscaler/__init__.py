"""Causes of the layer `autoscaler`, a file each; `table.py` has their order."""
