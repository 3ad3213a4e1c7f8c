"""How fast a cluster is read, and a saved snapshot is loaded."""
