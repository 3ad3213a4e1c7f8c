"""Jobs: what the store and the back ends cost."""
