"""A fleet that is made up: what its clusters' controllers, nodes and people do next, decided without doing it."""
