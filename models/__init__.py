"""Trained models, each with its card. None yet."""
