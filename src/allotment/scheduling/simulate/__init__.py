"""Virtual-clock simulation over the production engine."""
