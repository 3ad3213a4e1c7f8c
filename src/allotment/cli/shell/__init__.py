"""The machinery of the command line: groups, options, tables, sessions, failures."""
