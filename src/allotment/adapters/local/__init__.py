"""This machine as a back end: processes of jobs, its devices, and working copies of code. It decides nothing."""
