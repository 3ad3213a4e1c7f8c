"""A platform directory's Git repository: behind a remote, as a working copy of this machine, and one in memory."""
