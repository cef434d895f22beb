"""Reads the plan of a home, and says everything that is wrong with it at once."""
