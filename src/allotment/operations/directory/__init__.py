"""The platform directory: made, checked, edited, rendered."""
