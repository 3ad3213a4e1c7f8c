"""Commands of requests, decisions and grants."""
