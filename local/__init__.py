"""The embedded stack: everything Log Router needs around it, on one machine."""
