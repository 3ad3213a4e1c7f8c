"""Jobs are handed to a back end, followed, ended and told about."""
