"""Showing readings: on the terminal, and on the picture itself."""
