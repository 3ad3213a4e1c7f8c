"""Platform directories on disk."""
