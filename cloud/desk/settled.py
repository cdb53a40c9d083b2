"""What became of a decision, and the transaction that it is made in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud.errors import DecisionError
from cloud.store import Store


class Settled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision that was taken; the API's answer, and the command line's last line."""

    sale_id: str
    purpose: str | None = None
    """None: it is the sale itself that changed."""
    state: str
    """The receipt's state then, or the sale's disposition."""
    told: str
    """What was done, and what comes next."""
    dry_run: bool = False
    """It was only tried."""

    @property
    def goes_on(self) -> bool:
        """Whether nobody has to do anything more."""
        return self.state != "attention"


@dataclass(frozen=True, slots=True)
class By:
    """Who decides, and when: Unix milliseconds."""

    who: str
    at: int


@asynccontextmanager
async def deciding(store: Store, *, dry_run: bool) -> AsyncIterator[AsyncConnection]:
    """One decision: committed, or with `dry_run` made and taken back.

    Raises:
        DecisionError: another person, or the fiscaliser, did the same at the same moment.
    """
    try:
        async with store.transaction() as connection:
            yield connection
            if dry_run:
                await connection.rollback()
    except sa.exc.IntegrityError as error:
        raise DecisionError(
            f"somebody else has decided this meanwhile; look again: {error.orig}"
        ) from error
