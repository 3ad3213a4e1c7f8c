"""What things mean, and settings."""
