"""This machine as a back end: the engine admits, real processes run."""
