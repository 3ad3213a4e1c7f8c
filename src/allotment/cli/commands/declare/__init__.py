"""Commands about the platform directory."""
