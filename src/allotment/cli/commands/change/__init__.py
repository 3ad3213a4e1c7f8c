"""Commands about a cluster: what is in it, what would change, and that it holds."""
