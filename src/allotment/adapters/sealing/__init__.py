"""`Sealing` with AES-256-GCM, under keys in a file, or in a variable."""
