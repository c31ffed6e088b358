"""Tocsin gets a warning from those who see it to those who must act on it, and proves it did."""

__version__ = "0.2.0"
