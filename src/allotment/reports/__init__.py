"""Results as others read them: pages now, documents next to them."""
