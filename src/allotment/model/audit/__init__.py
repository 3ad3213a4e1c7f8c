"""Who did what, when, why and from where, in a chain in which nothing can be changed unnoticed."""
