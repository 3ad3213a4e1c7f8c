"""A Prometheus server over HTTP, and one in memory."""
