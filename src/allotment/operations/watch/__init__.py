"""Use cases of whoever follows what changes at a server."""
