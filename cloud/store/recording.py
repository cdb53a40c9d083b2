"""Recording: what an outcome makes of its receipt and of its attempt, and all that follows from it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud import retry
from cloud.breaker import PROBE_S
from cloud.fiscal import FiscalDocument, plausible
from cloud.fiscalization import State, after
from cloud.ofd import link as page_of
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.receipt import Purpose, Receipt
from cloud.store import history, replies
from cloud.store.history import Change
from cloud.store.incidents import report
from cloud.store.schema import attempt, receipt

PUSH_S: Final = 3600.0
"""An accepted receipt that cannot be asked for waits so long for its push, then for a person."""
SETTLES: Final = (Purpose.INCOME.value, Purpose.CORRECTION.value)
"""A sale is settled by one of them."""
_OWNERS: Final = sa.select(receipt.c.fn, receipt.c.fd, receipt.c.sale_id, receipt.c.purpose)


class Writing:
    """Outcomes of one round, collected into as few statements as may be."""

    def __init__(
        self, connection: AsyncConnection, who: str, now_ms: int, poll_s: Sequence[float]
    ) -> None:
        self._connection = connection
        self._who = who
        self._now = now_ms
        self._poll_s = poll_s
        self._receipts: dict[tuple[str, str], dict[str, Any]] = {}
        self._attempts: dict[str, dict[str, Any]] = {}
        self._changes: list[Change] = []
        self._revised: dict[str, str] = {}
        self._whose: dict[tuple[str, int], tuple[str, str]] = {}
        """Documents that are a receipt's, before this round or in it."""

    async def look_up(self, documents: Iterable[FiscalDocument]) -> None:
        """Find out whose these documents are already, before they are taken."""
        wanted = {(each.fn, each.fd) for each in documents if plausible(each)}
        if wanted:
            rows = await self._connection.execute(
                _OWNERS.where(sa.tuple_(receipt.c.fn, receipt.c.fd).in_(sorted(wanted)))
            )
            self._whose = {(row.fn, row.fd): (row.sale_id, row.purpose) for row in rows}

    async def take(self, row: dict[str, Any], outcome: Outcome) -> State:
        """Decide what an outcome makes of its receipt; `row` is brought up to date."""
        before = State(row["state"])
        await self._note(row, before, outcome)
        if isinstance(outcome, Done):
            wrong = await self._not_its(row, outcome.document)
            if wrong:
                if before is State.ISSUED:
                    return before
                outcome = Unknown(wrong, final=True)
            elif before is State.CLOSED and await self._settled_otherwise(row, outcome.document):
                return before
        if before is State.ISSUED:
            await self._hold_against(row, outcome)
            return before
        current = row["number"] == row["attempt"]
        if not current and not isinstance(outcome, Done):
            return before  # of a key that is past
        now = after(before, outcome, row["attempt"] + 1)
        said = _of_the_attempt(row, outcome, now, self._now)
        self._attempts.setdefault(row["key"], {}).update(said)
        self._write(row, before, now, outcome)
        if isinstance(outcome, Done):
            await self._issued(row, outcome, current=current)
        if now in {State.ISSUED, State.ATTENTION} and now is not before:
            self._revised[row["sale_id"]] = row["machine"]
        return now

    async def _note(self, row: dict[str, Any], before: State, outcome: Outcome) -> None:
        """What is to be remembered of an answer, whatever becomes of the receipt."""
        # Once: what is not found is `Unsent` as well. Who is not known is not asked meanwhile.
        if row["hinted"] and getattr(outcome, "pause", None) is not Pause.AUTH:
            self._attempts.setdefault(row["key"], {})["hinted"] = False
        match outcome:
            case Unknown(reason, final=False, misled=False) if before is State.ACCEPTED:
                await self._report("lost by the provider", f"{row['key']}: {reason}", row)

    def _write(self, row: dict[str, Any], before: State, now: State, outcome: Outcome) -> None:
        # What comes and goes between two states is tried more and more seldom.
        again = now is before or State.UNKNOWN in {before, now} or now is State.WAITING
        row["tries"] = row["tries"] + 1 if again else 1
        row["state"] = now.value
        asked = now is before is State.ATTENTION and not isinstance(outcome, Dead)
        if not asked and now is not State.CLOSED:  # what a person said, or is asked, stands
            row["error"] = getattr(outcome, "reason", None)
        wait_s = retry.delay(now, row["tries"], self._poll_s)
        if isinstance(outcome, Unsent):
            wait_s = min(outcome.retry_after_s or wait_s, retry.LONGEST_S)
            if outcome.pause is Pause.NO_REGISTER:
                # Another one tries the register next: this one may be what it cannot take.
                wait_s = 1.5 * PROBE_S[outcome.pause]
            elif outcome.pause is not None:
                wait_s = 0
        if isinstance(outcome, Accepted) and not (outcome.provider_id or row["provider_id"]):
            wait_s = PUSH_S
        if isinstance(outcome, Dead) and now is State.WAITING:
            row["tries"], wait_s = 0, 0.0
        row["next_at"] = self._now + round(1000 * wait_s)
        if isinstance(outcome, Dead):
            row["attempt"] += 1
        self._keep(row, "state", "tries", "next_at", "error", "attempt")
        if now is not before:
            self._changes.append(
                Change(
                    *(self._now, self._who, row["sale_id"], row["purpose"], now.value),
                    row["error"] or row["key"],
                )
            )

    def _keep(self, row: dict[str, Any], *names: str) -> None:
        place = (row["sale_id"], row["purpose"])
        self._receipts.setdefault(place, {}).update({name: row[name] for name in names})

    async def _issued(self, row: dict[str, Any], done: Done, *, current: bool) -> None:
        """A document: it stands, whatever else is not as it was asked for."""
        document = done.document
        if not current:
            row["request"] = await self._asked_under(row["key"]) or row["request"]
            self._keep(row, "request")
        asked = msgspec.json.decode(row["request"], type=Receipt)
        row.update(
            fn=document.fn,
            fd=document.fd,
            fp=document.fp,
            registered_at=document.at,
            total=document.total,
            rnm=document.rnm or None,
            ofd_inn=document.ofd_inn or None,
            link=done.link or page_of(document, asked.inn, document.ofd_inn),
            issued_at=self._now,
            attempt=row["number"],
            # Its return goes there too.
            register=row["sent_to"],
        )
        self._whose[document.fn, document.fd] = (row["sale_id"], row["purpose"])
        self._keep(
            *(row, "fn", "fd", "fp", "registered_at", "total", "rnm", "ofd_inn", "link"),
            *("issued_at", "attempt", "register"),
        )
        if asked.amount != document.total:
            said = f"asked for {asked.amount}, recorded {document.total} kopecks: {document.qr}"
            await self._report("another sum", said, row)
        if not current:
            await self._past_key(row)

    async def _asked_under(self, key: str) -> str | None:
        """What a key that is past asked for, if a later one asks for something else."""
        asked = sa.select(attempt.c.request).where(attempt.c.key == key)
        told: str | None = await self._connection.scalar(asked)
        return told

    async def _past_key(self, row: dict[str, Any]) -> None:
        """A key that counted as dead was recorded after all; a later one may be on its way."""
        ours = (attempt.c.sale_id == row["sale_id"], attempt.c.purpose == row["purpose"])
        later = (
            await self._connection.execute(
                sa.select(attempt.c.key, attempt.c.first_sent_at).where(
                    *ours, attempt.c.verdict.is_(None), attempt.c.key != row["key"]
                )
            )
        ).first()
        said = f"the provider recorded {row['key']}, which it had called dead"
        if later is not None and later.first_sent_at is not None:
            # Both verdicts must not be `done`: the earlier key keeps its own.
            for name in ("verdict", "ended_at"):
                self._attempts[row["key"]].pop(name)
            said += f"; {later.key} may be recorded as well: look in the provider's cabinet"
        elif later is not None:
            # Now: there are never two that may be recorded, not for the time of two statements.
            await _withdraw(self._connection, later.key, self._now)
        await self._report("recorded after all", said, row)

    async def _settled_otherwise(self, row: dict[str, Any], document: FiscalDocument) -> bool:
        """Of a closed receipt: whether another one settles its sale, or will.

        What waits in its place and never left is closed: the sale has its receipt after all.
        """
        if row["purpose"] not in SETTLES:
            return False
        of_sale = (receipt.c.sale_id == row["sale_id"], receipt.c.purpose.in_(SETTLES))
        other = (
            await self._connection.execute(
                sa.select(receipt)
                .where(*of_sale, receipt.c.state != State.CLOSED.value)
                .with_for_update()
            )
        ).first()
        if other is None:
            return False
        # A statement of its own: the row may have been waited for while its lane let it go, and a
        # join would tell of its attempt as it was before.
        live = (
            await self._connection.execute(
                sa.select(attempt.c.key, attempt.c.first_sent_at).where(
                    attempt.c.sale_id == other.sale_id,
                    attempt.c.purpose == other.purpose,
                    attempt.c.verdict.is_(None),
                )
            )
        ).first()
        left = live is not None and live.first_sent_at is not None
        if left or other.state == State.ISSUED.value:
            said = (
                f"second document {document.qr}; the sale has its {other.purpose}, or will. Undo"
                f" it: python -m cloud return {row['sale_id']} --duplicate"
            )
            await self._report("duplicate receipt", said, row)
            return True
        if live is not None:
            await _withdraw(self._connection, live.key, self._now)
        said = f"the sale has its receipt after all: {document.qr}"
        await self._connection.execute(
            sa.update(receipt)
            .where(*of_sale, receipt.c.purpose == other.purpose)
            .values(state=State.CLOSED.value, error=said)
        )
        change = Change(self._now, self._who, other.sale_id, other.purpose, "closed", said)
        self._changes.append(change)
        return False

    async def _hold_against(self, row: dict[str, Any], outcome: Outcome) -> None:
        """Of an issued receipt: another document for it is a second receipt."""
        if not isinstance(outcome, Done):
            return
        document = outcome.document
        if (document.fn, document.fd) == (row["fn"], row["fd"]):
            if outcome.link and not row["link"]:
                row["link"] = outcome.link
                self._keep(row, "link")
            return
        said = (
            f"second document {document.qr}; the first is fn {row['fn']} fd {row['fd']}. Undo it:"
            f" python -m cloud return {row['sale_id']} --duplicate"
        )
        await self._report("duplicate receipt", said, row)

    async def _not_its(self, row: dict[str, Any], document: FiscalDocument) -> str:
        """Why a document cannot be this receipt's; empty if it can."""
        if document.sign != Purpose(row["purpose"]).sign:
            said = f"{document.qr} is no document of the purpose that was asked for"
            await self._report("another purpose", said, row)
            return said
        if not plausible(document):
            return f"the provider told of a document that cannot be: {document.qr}"
        place = (row["sale_id"], row["purpose"])
        if self._whose.get((document.fn, document.fd), place) != place:
            said = f"the provider gave {document.qr} to another sale as well"
            await self._report("document of another sale", said, row)
            return said
        return ""

    async def _report(self, kind: str, said: str, row: dict[str, Any]) -> None:
        await report(self._connection, self._now, kind, said, row["machine"], row["sale_id"])

    async def finish(self) -> None:
        """Write it all."""
        for columns, batch in _alike(self._attempts.items()):
            await self._connection.execute(
                sa.update(attempt)
                .where(attempt.c.key == sa.bindparam("of"))
                .values({name: sa.bindparam(f"then_{name}") for name in columns}),
                [{"of": key, **values} for key, values in batch],
            )
        for columns, rows in _alike(self._receipts.items()):
            await self._connection.execute(
                sa.update(receipt)
                .where(
                    receipt.c.sale_id == sa.bindparam("of"),
                    receipt.c.purpose == sa.bindparam("why"),
                )
                .values({name: sa.bindparam(f"then_{name}") for name in columns}),
                [{"of": place[0], "why": place[1], **values} for place, values in rows],
            )
        await history.add(self._connection, self._changes)
        await replies.revise_all(self._connection, sorted(self._revised.items()))


async def _withdraw(connection: AsyncConnection, key: str, now_ms: int) -> None:
    await connection.execute(
        sa.update(attempt).where(attempt.c.key == key).values(verdict="withdrawn", ended_at=now_ms)
    )


def _alike(
    changes: Iterable[tuple[Any, Mapping[str, Any]]],
) -> list[tuple[tuple[str, ...], list[tuple[Any, dict[str, Any]]]]]:
    """Changes of the same columns together: each group is one statement."""
    groups: dict[tuple[str, ...], list[tuple[Any, dict[str, Any]]]] = {}
    for place, values in changes:
        if values:
            columns = tuple(sorted(values))
            named = {f"then_{name}": values[name] for name in columns}
            groups.setdefault(columns, []).append((place, named))
    return list(groups.items())


def _of_the_attempt(
    row: Mapping[str, Any], outcome: Outcome, now: State, now_ms: int
) -> dict[str, Any]:
    """What an outcome says of its key."""
    match outcome:
        case Done():
            return {"verdict": "done", "ended_at": now_ms, **_known(row, outcome, now_ms)}
        case Accepted():
            return _known(row, outcome, now_ms)
        case Dead():
            return {"verdict": "dead", "reason": outcome.reason, "ended_at": now_ms}
        case Unknown(misled=True):
            return {"provider_id": None}
        case _ if now is State.WAITING:
            # It surely never arrived: the provider's memory of the key has not begun.
            return {"first_sent_at": None, "first_sent_boot": None, "first_sent_boottime": None}
        case _:
            return {}


def _known(row: Mapping[str, Any], outcome: Done | Accepted, now_ms: int) -> dict[str, Any]:
    """The provider has it: what it calls it, and that it did leave, whatever we were told."""
    named = {"provider_id": outcome.provider_id} if outcome.provider_id else {}
    told = isinstance(outcome, Done) or row["verdict"] is None
    left = {"first_sent_at": now_ms} if told and row["first_sent_at"] is None else {}
    return {**named, **left}
