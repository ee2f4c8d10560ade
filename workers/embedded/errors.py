"""The one error of the embedded parts, written for someone who has never seen them."""


class EmbeddedError(Exception):
    """A part can't be started; the message says what to do about it."""
