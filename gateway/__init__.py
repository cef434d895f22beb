"""The daemon: bytes in, decided alerts out."""

__version__ = "0.1.0"
