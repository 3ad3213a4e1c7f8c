"""The commands: arguments and flags here, work in `operations`, presentation in `cli/views`.

A module's top level imports click and this package's light modules only, so that every `--help` is quick; a test
holds the list.
"""
