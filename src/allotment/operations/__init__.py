"""The use cases: each takes its ports as arguments, decides in the pure packages, and acts through the ports."""
