"""What would happen: simulations and estimates."""
