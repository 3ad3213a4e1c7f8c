"""Every command's examples, a module a section of commands."""
