"""`python -m allotment`."""

from allotment.cli.main import main

main()
