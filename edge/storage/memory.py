"""Memory: the small things that must outlive a restart, and are told to nobody by themselves."""

from collections.abc import Mapping
from typing import Final

import msgspec

from edge.anchors import Anchor
from edge.intent import Intent
from edge.storage.file import File
from edge.storage.trouble import sound
from mdb.context import Context

MOST_ANCHORS: Final = 500
MOST_ANSWERS: Final = 200


class Memory:
    """Bus contexts, intents, clock anchors, answers to commands, and the cloud's wish."""

    def __init__(self, file: File) -> None:
        self.turn_to(file)

    def turn_to(self, file: File) -> None:
        """From now on it is another file's, which took the place of a damaged one."""
        self._file = file

    def put_context(self, contexts: Mapping[int, Context]) -> None:
        """Commit what the peripherals told when the machine started."""
        with self._file.committed():
            for address, context in contexts.items():
                self._file.run("put_context", address=address, body=msgspec.json.encode(context))

    def contexts(self) -> dict[int, Context]:
        """What they told before this process started."""
        rows = self._file.run("contexts")
        return {address: each for address, body in rows for each in sound([body], Context)}

    def put_intent(self, address: int, intent: Intent) -> None:
        """Commit that a vend was approved, before its product falls."""
        with self._file.committed():
            self._file.run("put_intent", address=address, body=msgspec.json.encode(intent))

    def intents(self) -> dict[int, Intent]:
        """What was approved, and whose end is not on the disk."""
        rows = self._file.run("intents")
        return {address: each for address, body in rows for each in sound([body], Intent)}

    def drop_intent(self, address: int) -> None:
        """Commit that its end is known."""
        with self._file.committed():
            self._file.run("drop_intent", address=address)

    def put_anchor(self, anchor: Anchor) -> None:
        """Commit an instant at which the time of day was known."""
        with self._file.committed():
            self._file.run("put_anchor", body=msgspec.json.encode(anchor))
            self._file.run("forget_anchors", most=MOST_ANCHORS)

    def anchors(self) -> list[Anchor]:
        """All that are kept, in the order they were made; each knows the sale it came after."""
        rows = self._file.run("anchors")
        return sound((body for (body,) in rows), Anchor)

    def put_answer(self, command: str, answer: bytes) -> None:
        """Commit what a command was answered: it is not done twice."""
        with self._file.committed():
            self._file.run("put_answer", command=command, body=answer)
            self._file.run("forget_answers", most=MOST_ANSWERS)

    def answer(self, command: str) -> bytes | None:
        """What it was answered, if it is among the last ones."""
        row = self._file.run("answer", command=command).fetchone()
        return row[0] if row else None

    def put_wish(self, wish: bytes | None) -> None:
        """Commit what the cloud wants set; None withdraws it."""
        with self._file.committed():
            if wish is None:
                self._file.run("drop_wish")
            else:
                self._file.run("put_wish", body=wish)

    def wish(self) -> bytes | None:
        """What the cloud wants set."""
        row = self._file.run("wish").fetchone()
        return row[0] if row else None
