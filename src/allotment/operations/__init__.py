"""The use cases: each takes its ports as arguments, decides by calling the pure packages, and acts through the ports."""
