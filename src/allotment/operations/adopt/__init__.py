"""What was there before is taken over, given back, and read into a directory."""
