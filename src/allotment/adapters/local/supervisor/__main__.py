"""`python -m allotment.adapters.local.supervisor`: as `run` says."""

from allotment.adapters.local.supervisor.run import main

main()
