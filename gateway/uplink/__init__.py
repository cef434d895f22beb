"""Carries wire messages to a platform and brings answers back."""
