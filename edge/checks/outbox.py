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

from edge.checks import Finding, as_is, as_words, both
from edge.checks.agent import Agent
from edge.checks.patience import within
from edge.storage.file import QUERIES
from edge.technician.words import Text, wall_time
from edge.wire import MalformedMessageError, Sale, decode

NAME: Final = "outbox"
FILE: Final = "outbox.sqlite"
PATIENCE_S: Final = 60.0
GO_UP: Final = both(
    "уйдут сами, когда агент работает и есть связь с облаком; файл не удаляйте",
    "they go up by themselves when the agent runs and the cloud is reached; do not delete the file",
)
ASK: Final = both(
    "см.: systemctl status chekomat-edge; или сначала остановите: systemctl stop chekomat-edge",
    "see: systemctl status chekomat-edge; or stop it first: systemctl stop chekomat-edge",
)
KEEP: Final = both(
    "сначала скопируйте всю папку: в ней могут быть продажи; затем запустите агента, он спасёт, что"
    " можно",
    "keep a copy of the whole folder before anything else: sales may be in it; then start the agent,"
    " which saves what can be saved",
)


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
        absent = both(
            "{file} ещё нет; появится при первом запуске",
            "{file} is not there yet; it is made at the first start",
            file=file,
        )
        return Finding(NAME, "ok", absent)
    try:
        return judge(await within(PATIENCE_S, look, file))
    except TimeoutError:
        return Finding(
            NAME,
            "fail",
            both(
                "{file} не прочитан за {seconds:g} с",
                "{file} was not read within {seconds:g} s",
                file=file,
                seconds=PATIENCE_S,
            ),
            both("карта умирает", "the card is dying"),
        )
    except DamagedError as error:
        damaged = both(
            "{file}: файл повреждён: {what}",
            "{file}: the file is damaged: {what}",
            file=file,
            what=error,
        )
        return Finding(NAME, "fail", damaged, KEEP)
    except (OSError, sqlite3.Error) as error:
        return Finding(NAME, "fail", as_is(f"{file}: {as_words(error)}"), KEEP)


class DamagedError(sqlite3.DatabaseError):
    """SQLite's check of the whole file has an objection; the message is the first one."""


def look(file: Path) -> Outbox:
    """Read an outbox that nobody has open.

    Raises:
        OSError, sqlite3.Error: it cannot be read, or is damaged.
    """
    with _readable(file) as (uri, unclosed), closing(sqlite3.connect(uri, uri=True)) as reader:
        (state,) = reader.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise DamagedError(state)
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
    told = both(
        "{file}: {count}",
        "{file}: {count}",
        file=outbox.file,
        count=_count(outbox.epoch, outbox.sales),
    )
    if outbox.unclosed:
        told = both(
            "{told}; закрыто не по порядку (отключилось питание или агент был убит; ничего не"
            " пропало)",
            "{told}, not closed in order (the power failed, or it was killed; nothing is lost)",
            told=told,
        )
    return _waiting(told, outbox.pending, outbox.oldest)


def judge_told(agent: Agent) -> Finding:
    """What the running agent says of it."""
    if agent.status is None:
        held = both(
            "открыто работающим агентом, а он не отвечает",
            "the running agent has it open, and cannot be asked",
        )
        return Finding(NAME, "skipped", held, ASK)
    outbox = agent.status.outbox
    told = _count(outbox.epoch, outbox.next_seq - 1)
    if outbox.waiting:
        return Finding(
            NAME,
            "fail",
            both(
                "{told}; диск не принимает записи, продаж только в памяти: {count}",
                "{told}; the disk refuses, {count} sales are in memory only",
                told=told,
                count=outbox.waiting,
            ),
            both(
                "не выключайте; сейчас же освободите место: journalctl --vacuum-size=50M",
                "do not switch off; make room on the disk at once: journalctl --vacuum-size=50M",
            ),
        )
    return _waiting(told, outbox.pending, outbox.oldest.sold_at if outbox.oldest else "")


def _count(epoch: str, sales: int) -> Text:
    return both(
        "эпоха {epoch}, всего продаж: {sales}",
        "epoch {epoch}, {sales} sales so far",
        epoch=epoch,
        sales=sales,
    )


def _waiting(told: Text, pending: int, oldest: str) -> Finding:
    """The same, and what the cloud does not have yet."""
    if not pending:
        none = both(
            "{told}, отправки ни одна не ждёт", "{told}, none waits for the cloud", told=told
        )
        return Finding(NAME, "ok", none)
    waits = both(
        "{told}, ждут отправки: {pending}, самая старая: {oldest}",
        "{told}, {pending} wait for the cloud, the oldest since {oldest}",
        told=told,
        pending=pending,
        oldest=wall_time(oldest) or both("время неизвестно", "an unknown time"),
    )
    return Finding(NAME, "warn", waits, GO_UP)


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
