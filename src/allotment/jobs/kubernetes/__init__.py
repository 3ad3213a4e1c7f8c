"""A job → the Kubernetes objects that run it, as plain data: a file a kind, and beside them what they share."""
