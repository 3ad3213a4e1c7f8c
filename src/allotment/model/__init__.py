"""The nouns: frozen, valid by construction, and free of I/O. Nothing here imports anything else of ours."""
