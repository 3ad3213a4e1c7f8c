"""Use cases around a request: what it would do to everybody, where its devices come from, the need that was shown."""
