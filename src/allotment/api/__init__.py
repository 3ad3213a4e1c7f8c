"""The server's HTTP interface; today on a Unix socket that belongs to one user."""
