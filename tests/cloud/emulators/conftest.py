"""Some of them speak TLS."""

from till import every_line_is_closed

__all__ = ["every_line_is_closed"]
