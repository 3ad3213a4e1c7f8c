"""A control plane to try things on."""
