"""The person at the terminal: told and asked in one language, or not asked at all.

Where nobody can be asked, every question has to be answered by a flag or a default; one that is not
says which flag is missing.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from edge.checks import both
from edge.errors import ConfigError, StartError
from edge.technician.words import Language, Text
from edge.wizard.words import SAID


class WrongAnswerError(ConfigError):
    """An answer that cannot be; the text says why in both languages."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


YES: Final = {"y", "yes", "д", "да"}
NO: Final = {"n", "no", "н", "нет"}

Check = Callable[[str], object]
"""Raises ConfigError for an answer that cannot be."""


class Person:
    """Whoever runs the command. `asks` is False where nobody answers."""

    def __init__(self, language: Language, *, asks: bool, out: TextIO | None = None) -> None:
        self.language: Language = language
        self.asks = asks
        self._out = out or sys.stdout
        self._unread = b""

    def words(self, key: str, **values: object) -> str:
        """A text of ours, filled in; a value may itself have two languages."""
        return both(SAID[key].ru, SAID[key].en, **values).of(self.language)

    def why(self, error: Exception) -> str:
        """What is wrong with an answer, in the person's language if it is a text of ours."""
        return error.text.of(self.language) if isinstance(error, WrongAnswerError) else str(error)

    def say(self, key: str, **values: object) -> None:
        """Tell it."""
        self.line(self.words(key, **values))

    def line(self, line: str) -> None:
        """Tell what is no text of ours."""
        print(line, file=self._out, flush=True)

    async def ask(
        self,
        key: str,
        flag: str,
        given: str | None,
        default: str | None = None,
        check: Check = str,
        **values: object,
    ) -> str:
        """An answer that passes `check`: the flag's, else what is typed, else the default.

        Raises:
            ConfigError: the flag's answer is wrong, or nobody can be asked and there is no default.
            StartError: the terminal is gone.
        """
        if given is not None or not self.asks:
            answer = default if given is None else given
            if answer is None:
                raise ConfigError(self.words("missing", flag=flag))
            try:
                check(answer)
            except ConfigError as error:
                raise ConfigError(f"{flag}: {self.why(error)}") from error
            return answer
        shown = f" [{default}]" if default else ""
        while True:
            answer = await self._read(f"{self.words(key, **values)}{shown}: ") or default or ""
            try:
                check(answer)
            except ConfigError as error:
                self.say("unfit", told=self.why(error))
            else:
                return answer

    async def choose(self, key: str, options: Sequence[tuple[str, str | Text]]) -> str:
        """One of the options, by its number; the first is the default."""
        self.say(key)
        for number, (_, label) in enumerate(options, 1):
            told = label.of(self.language) if isinstance(label, Text) else label
            self.line(f"  {number}  {told}")
        while True:
            answer = await self._read(f"{self.words('number')} [1]: ") or "1"
            if answer.isdecimal() and 1 <= int(answer) <= len(options):
                return options[int(answer) - 1][0]
            self.say("no_such_number", most=len(options))

    async def confirm(self, key: str, *, default: bool, **values: object) -> bool:
        """Yes or no; where nobody answers, the default."""
        if not self.asks:
            return default
        hint = self.words("yes_no" if default else "no_yes")
        while True:
            answer = (await self._read(f"{self.words(key, **values)} {hint}: ")).lower()
            if not answer or answer in YES | NO:
                return answer in YES if answer else default
            self.say("yes_or_no")

    async def _read(self, prompt: str) -> str:
        """A typed line; the loop goes on meanwhile, so that a picture stays where it is."""
        self._out.write(prompt)
        self._out.flush()
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        descriptor = sys.stdin.fileno()
        loop.add_reader(descriptor, arrived.set)
        try:
            while b"\n" not in self._unread:
                await arrived.wait()
                arrived.clear()
                read = os.read(descriptor, 4096)
                if not read:
                    raise StartError(self.words("gone"))
                self._unread += read
        finally:
            loop.remove_reader(descriptor)
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode("utf-8", "replace").strip()
