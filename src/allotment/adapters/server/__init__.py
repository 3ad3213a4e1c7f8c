"""The server that runs jobs, seen through its socket."""
