"""Measurements: scripts that a person runs, no part of the tests."""
