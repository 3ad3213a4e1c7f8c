"""What the live tests judge by: shown without a control plane."""
