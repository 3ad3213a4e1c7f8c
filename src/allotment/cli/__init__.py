"""The command line: `allot verb noun`. Every command imports what it needs when it runs, never before."""
