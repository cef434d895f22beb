"""One detector per file; pure."""
