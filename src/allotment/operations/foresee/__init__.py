"""What would happen: simulations, estimates, comparisons, room, and a sandbox to try in."""
