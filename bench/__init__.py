"""The promised figures, measured beside their floor."""
