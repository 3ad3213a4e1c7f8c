"""Questions about what comes, asked of a live cluster or a snapshot of one."""
