"""Errors a user can act on."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or not a FEALLM; the message says what was expected and what to do."""
