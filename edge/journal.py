"""What goes to the log: single lines, few of them, for journald or a terminal.

- One record is one line: line feeds and control characters are escaped, a traceback is folded to
  what was raised and where.
- Warnings and worse are written, `--verbose` adds the rest. The same message is written ten times
  an hour, then counted: a memory card wears out by logs more than by sales.
- The last ten thousand lines, from INFO on, stay in memory for whoever asks for them.
- What looks like a secret is struck out, whoever wrote it.
"""

import logging
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, TextIO

KEPT: Final = 10_000
LONGEST: Final = 2000
"""Characters of a line; of a kept one a quarter."""
SAME: Final = 10
WINDOW_S: Final = 3600.0
KINDS: Final = 500
"""Different messages whose repetitions are counted; the oldest makes room."""

_CONTROL: Final = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): " ",
    **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029)},
}
_SECRET: Final = re.compile(
    r"""(?ix) \b (password|passwd|secret|token|authorization) \b (["']?\s*[=:]\s*) (["']?)
        (?:(?:basic|bearer)\s+)? [^\s"',;)}\]]+"""
)
_LOGIN: Final = re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)")
_RECEIPT: Final = re.compile(r"(?<=/r/)[0-9a-hjkmnp-tv-z]{16}\b")
_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)

log = logging.getLogger(__name__)


def one_line(text: str) -> str:
    """The text without secrets, line feeds and control characters."""
    text = _SECRET.sub(r"\1\2\3…", text)
    text = _RECEIPT.sub("…", _LOGIN.sub("…", text)).translate(_CONTROL)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def folded(error: BaseException) -> str:
    """An exception in one line: what it says, where it was raised, and what it came from."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(folded(each) for each in error.exceptions)
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is not None:
        code = last.tb_frame.f_code
        file = "/".join(code.co_filename.split("/")[-2:])
        told = f"{told} [{file}:{last.tb_lineno} {code.co_name}]"
    origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told if origin is None or origin is error else f"{told} from {folded(origin)}"


class Lines(logging.Formatter):
    """``WARNING edge.link: words``; with `journald`, ``<4>edge.link: words`` (sd-daemon(3))."""

    def __init__(self, *, journald: bool) -> None:
        super().__init__()
        self._journald = journald

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        head = f"{record.levelname} {record.name}: "
        if self._journald:
            level = next((each for at, each in _PRIORITIES if record.levelno >= at), 7)
            head = f"<{level}>{record.name}: "
        return head + said(record)


def said(record: logging.LogRecord) -> str:
    """A record's words and its exception, in one line."""
    try:
        words = record.getMessage()
    except Exception as error:  # noqa: BLE001, a slip in a log call is no reason to lose the line
        words = f"{record.msg!s} {record.args!r} ({error})"
    if record.exc_info and record.exc_info[1] is not None:
        words = f"{words}: {folded(record.exc_info[1])}"
    return one_line(words)


@dataclass(slots=True)
class _Seen:
    since: float
    count: int = 0


class Repetitions:
    """How often each message may be written: `SAME` times in `WINDOW_S` of boot time. Pure."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def may_write(self, message: str, now: float) -> bool:
        """Count it; False once there were enough."""
        if message not in self._seen and len(self._seen) >= KINDS:
            del self._seen[next(iter(self._seen))]
        seen = self._seen.setdefault(message, _Seen(now))
        seen.count += 1
        return seen.count <= SAME

    def over(self, now: float) -> list[tuple[str, int]]:
        """The messages whose hour has passed, with how many of each were not written."""
        past = [each for each, seen in self._seen.items() if now - seen.since >= WINDOW_S]
        ended = [(each, self._seen.pop(each).count - SAME) for each in past]
        return [(message, unwritten) for message, unwritten in ended if unwritten > 0]


class Journal(logging.StreamHandler[TextIO]):
    """Writes lines; a full disk or a closed pipe stops nobody."""

    def __init__(self, stream: TextIO, *, journald: bool) -> None:
        super().__init__(stream)
        self.setFormatter(Lines(journald=journald))
        self._repetitions = Repetitions()

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, unless it was written often enough.

        What is below a warning is not counted, and nothing critical is left out: a sale that no
        disk took has its line here.
        """
        if logging.WARNING <= record.levelno < logging.CRITICAL:
            now = time.clock_gettime(time.CLOCK_BOOTTIME)
            for message, unwritten in self._repetitions.over(now):
                words = "… %d more within an hour: %s"
                more = (log.name, logging.WARNING, __file__, 0, words, (unwritten, message), None)
                super().emit(logging.LogRecord(*more))
            # The message before its values are filled in: they may differ each time.
            if not self._repetitions.may_write(f"{record.name}: {record.msg}", now):
                return
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, the library's name
        """A traceback to the same broken stream would help nobody."""


class RecentLines(logging.Handler):
    """The last lines in memory, each with its wall time: for the command that collects logs."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        words = said(record)[: LONGEST // 4]
        self._lines.append(f"{at} {record.levelname} {record.name}: {words}")

    def last(self, count: int) -> list[str]:
        """At most so many, the oldest first."""
        with self.lock:  # type: ignore[union-attr]
            return list(self._lines)[-count:] if count > 0 else []


def set_up(
    *,
    verbose: bool,
    stream: TextIO | None = None,
    environment: Mapping[str, str] = os.environ,
) -> RecentLines:
    """Make this the process's only log, also of exceptions that nobody catches."""
    stream = stream or sys.stderr
    journal = Journal(stream, journald=_is_journald(stream, environment))
    journal.setLevel(logging.INFO if verbose else logging.WARNING)
    recent = RecentLines()
    root = logging.getLogger()
    root.handlers[:] = [journal, recent]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda call: _uncaught(call.exc_type, call.exc_value, call.exc_traceback)
    return recent


def _is_journald(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether the stream itself goes there: JOURNAL_STREAM is its device and inode (systemd.exec(5))."""
    try:
        state = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{state.st_dev}:{state.st_ino}"


def _uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("the agent fell", exc_info=(kind, error or kind(), trace))
