"""The version, for the package, its records and the command."""

__version__ = "0.1.0"
