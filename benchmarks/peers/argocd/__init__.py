"""Argo CD's own library, as a peer of what we say that it does."""
