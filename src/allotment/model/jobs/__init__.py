"""Work that Allotment starts itself: what a job file asks for, and what becomes of it."""
