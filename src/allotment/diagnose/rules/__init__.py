"""The rules: a file a cause, in a folder a layer."""
