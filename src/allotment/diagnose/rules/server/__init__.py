"""Causes that keep a job on the server of this machine, before its back end has it."""
