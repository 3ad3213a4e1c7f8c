"""Results as people read them: pure functions from results to text, and the tables' columns."""
