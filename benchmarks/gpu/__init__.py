"""Jobs on a machine with GPUs: `check.py` does it all; `stand_in.c` stands in for a driver where there is none."""
