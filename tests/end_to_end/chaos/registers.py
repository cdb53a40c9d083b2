"""Providers' emulators as processes: how each is started, and the settings that open it."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from end_to_end.chaos.part import Part
from parts import python

INN: Final = "7708806062"
DELAY_S: Final = 0.2
"""Until a register has recorded what its provider accepted."""
Kind = Literal["cloudkassir", "atol5", "ferma", "orange"]
OTHERS: Final[tuple[Kind, ...]] = ("atol5", "ferma", "orange")
"""Beside CloudKassir. A lost answer of Komtet's can end in a person's hands: it is none of these."""
REFUSALS: Final = ("refuse", "fail")
"""Orders after which a person has to look."""
HARMLESS: Final = (
    *("drop_before_store", "drop_after_store", "5xx", "5xx_after_store", "nonsense"),
    *("lose", "no_callback", "callback_twice", "callback_first", "callback_late", "bad_signature"),
)
"""Orders that a receipt survives by itself."""


@dataclass(frozen=True, slots=True)
class Account:
    """A register of one machine at a provider of its own, behind a wire."""

    id: str
    kind: Kind
    folder: Path
    number: str
    """Of the machine: tag 1036 of a register that tells its own."""
    port: int
    """Where the emulator listens."""

    @property
    def ledger(self) -> Path:
        return self.folder / f"{self.id}.sqlite"

    @property
    def _secret(self) -> Path:
        return self.folder / f"{self.id}.secret"

    def part(self, hooks: int) -> Part:
        """The emulator; it pushes to a cloud's port, where it can be told so when it starts."""
        told: list[str] = []
        match self.kind:
            case "cloudkassir":
                told += ["--secret-file", str(self._secret), "--automat", self.number]
                told += ["--webhook", self._hook(hooks)]
            case "atol5" | "ferma":
                told += ["--password-file", str(self._secret)]
            case "orange":
                told += ["--plain", "--keys", str(self.folder / f"{self.id}-keys"), "--inn", INN]
        self._secret.write_text("not a secret", "utf-8")
        listen = ("--listen", f"127.0.0.1:{self.port}", "--ledger", str(self.ledger))
        common = (*listen, "--delay", str(DELAY_S), *told)
        command = python("cloud", "emulate", self.kind, *common)
        return Part(f"emulator {self.id}", command, self.folder)

    def provider(self) -> Literal["cloudkassir", "atol", "ferma", "orange"]:
        return "atol" if self.kind == "atol5" else self.kind

    def settings(self, port: int, hooks: int) -> dict[str, object]:
        """What opens it, at the port of its wire."""
        url = f"http://127.0.0.1:{port}"
        common: dict[str, Any] = {"url": url, "rate_per_s": 50, "timeout_s": 3}
        match self.kind:
            case "cloudkassir":
                return common | {"public_id": "demo", "secret_file": str(self._secret)}
            case "atol5":
                told = {"protocol": "v5", "login": "demo", "group": "demo_1"}
                common |= {"url": f"{url}/possystem/v5", "email": "checks@coffee.example"}
                common |= told | {"password_file": str(self._secret)}
            case "ferma":
                common |= {"url": f"{url}/api", "login": "demo"}
                common |= {"password_file": str(self._secret)}
            case "orange":
                signing = self.folder / f"{self.id}-keys" / "signing.key"
                common |= {"inn": INN, "signing_key": str(signing), "page_url": url}
        return common | {"callback_url": self._hook(hooks)}

    def _hook(self, port: int) -> str:
        return f"http://127.0.0.1:{port}/hook/{self.id}"


def kinds(seed: int, count: int) -> list[Kind]:
    """CloudKassir, and others by chance."""
    return ["cloudkassir", *random.Random(f"{seed} kinds").sample(OTHERS, count - 1)]
