"""A platform directory from what lives in a cluster: objects as the API server lists them → files and notes.

A directory says less than a cluster can hold. What it cannot say is told object by object, and never dropped silently.
"""
