"""The outbox of an agent that is stopped: read, never written; and what a running one says of it.

A file that was closed well is read in place, as immutable. Where a log lies beside it the agent
was killed, and reading would write: both are copied, and the copy is read.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from edge.checks import Finding, as_words
from edge.checks.agent import Agent
from edge.checks.patience import within
from edge.storage.file import QUERIES
from edge.wire import MalformedMessageError, Sale, decode

NAME: Final = "outbox"
FILE: Final = "outbox.sqlite"
PATIENCE_S: Final = 60.0
GO_UP: Final = (
    "they go up by themselves when the agent runs and the cloud is reached; do not delete the file"
)
ASK: Final = "see: systemctl status chekomat-edge; or stop it first: systemctl stop chekomat-edge"


@dataclass(frozen=True, slots=True)
class Outbox:
    """What was read. `oldest` is when the first sale was made that the cloud does not have."""

    file: str
    epoch: str
    sales: int
    pending: int
    oldest: str
    unclosed: bool
    """A log lies beside it: the agent was killed, or the power was."""


async def check(data: Path, agent: Agent) -> Finding:
    """The outbox of a data folder."""
    if agent.runs:
        return judge_told(agent)
    file = data / FILE
    if not file.exists():
        return Finding(NAME, "ok", f"{file} is not there yet; it is made at the first start")
    try:
        return judge(await within(PATIENCE_S, look, file))
    except TimeoutError:
        return Finding(
            NAME, "fail", f"{file} was not read within {PATIENCE_S:g} s", "the card is dying"
        )
    except (OSError, sqlite3.Error) as error:
        return Finding(
            NAME,
            "fail",
            f"{file}: {as_words(error)}",
            "keep a copy of the whole folder before anything else: sales may be in it; then start"
            " the agent, which saves what can be saved",
        )


def look(file: Path) -> Outbox:
    """Read an outbox that nobody has open.

    Raises:
        OSError, sqlite3.Error: it cannot be read, or is damaged.
    """
    with _readable(file) as (uri, unclosed), closing(sqlite3.connect(uri, uri=True)) as reader:
        (state,) = reader.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(f"the file is damaged: {state}")
        epoch, base, _ = reader.execute(QUERIES["identity"]).fetchone()
        pending, oldest = reader.execute(QUERIES["count_open"]).fetchone()
        (last,) = reader.execute(QUERIES["last_place"]).fetchone()
        row = reader.execute(QUERIES["sale_at"], {"place": oldest}).fetchone()
    return Outbox(
        file=str(file),
        epoch=epoch,
        sales=last - base,
        pending=pending,
        oldest=_made(row[0]) if row else "",
        unclosed=unclosed,
    )


def judge(outbox: Outbox) -> Finding:
    """What waits there."""
    told = f"{outbox.file}: epoch {outbox.epoch}, {outbox.sales} sales so far"
    if outbox.unclosed:
        told += ", not closed in order (the power failed, or it was killed; nothing is lost)"
    if not outbox.pending:
        return Finding(NAME, "ok", f"{told}, none waits for the cloud")
    return Finding(
        NAME,
        "warn",
        f"{told}, {outbox.pending} wait for the cloud, the oldest since"
        f" {outbox.oldest or 'an unknown time'}",
        GO_UP,
    )


def judge_told(agent: Agent) -> Finding:
    """What the running agent says of it."""
    if agent.status is None:
        return Finding(NAME, "skipped", "the running agent has it open, and cannot be asked", ASK)
    outbox = agent.status.outbox
    told = f"epoch {outbox.epoch}, {outbox.next_seq - 1} sales so far"
    if outbox.waiting:
        return Finding(
            NAME,
            "fail",
            f"{told}; the disk refuses, {outbox.waiting} sales are in memory only",
            "do not switch off; make room on the disk at once: journalctl --vacuum-size=50M",
        )
    if not outbox.pending:
        return Finding(NAME, "ok", f"{told}, none waits for the cloud")
    oldest = "" if outbox.oldest is None else f", the oldest since {outbox.oldest.sold_at}"
    return Finding(NAME, "warn", f"{told}, {outbox.pending} wait for the cloud{oldest}", GO_UP)


@contextmanager
def _readable(file: Path) -> Iterator[tuple[str, bool]]:
    log = file.with_name(f"{file.name}-wal")
    if not log.exists() or not log.stat().st_size:
        yield f"{file.absolute().as_uri()}?immutable=1", False
        return
    with TemporaryDirectory(prefix="chekomat-doctor-") as folder:
        for each in (file, log):
            shutil.copyfile(each, Path(folder) / each.name)
        yield (Path(folder) / file.name).as_uri(), True


def _made(body: bytes) -> str:
    try:
        return decode(body, Sale).sold_at
    except MalformedMessageError:
        return ""
