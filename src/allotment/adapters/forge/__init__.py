"""Forges over HTTP: Gitea and GitHub, and one in memory."""
