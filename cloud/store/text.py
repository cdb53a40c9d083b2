"""Text for PostgreSQL, which has every character but U+0000."""

from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown


class Dumper(StrDumperUnknown):
    """A machine may say anything; what cannot be kept is kept as U+FFFD, and refuses no batch."""

    def dump(self, obj: str) -> Buffer | None:
        """The text as the server takes it."""
        return super().dump(obj.replace("\0", "�"))
