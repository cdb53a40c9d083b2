"""The settings in force: the machine's own file, and over it what the cloud wants set."""

import logging
from collections.abc import Callable

from edge.buyer.policy import Policy
from edge.config import Config
from edge.shadow import NAME, Applied, Refused, apply
from edge.storage.disk import Disk
from edge.storage.outbox import Outbox
from edge.wire import Reported

log = logging.getLogger(__name__)


class InForce:
    """What the agent goes by. A wish is applied as a whole or refused; a bad one changes nothing."""

    def __init__(self, file: Config, outbox: Outbox, disk: Disk) -> None:
        """Begin with the file, and with the wish that was in force before the restart."""
        self._file = file
        self._outbox = outbox
        self._disk = disk
        self._wish = b""
        self._kept = outbox.memory.wish() or b""
        """On the disk; one that is refused after a restart stays there until another comes."""
        self._follow: Callable[[Policy, dict[str, str]], None] | None = None
        self.config = file
        self.version: int | None = None
        if self._kept:
            match self._applied(self._kept):
                case Applied() as applied:
                    self._take(applied)
                case Refused(error=error):
                    log.warning("the kept wish is refused, the file stands: %s", error)

    @property
    def policy(self) -> Policy:
        """The presenter's part of it."""
        receipts = self.config.receipts
        return Policy(
            qr=receipts.qr,
            link=receipts.link,
            profile=receipts.profile,
            show_s=receipts.show_s,
            patience_s=receipts.patience_s,
            late_s=receipts.late_s,
            offline_s=receipts.offline_s,
        )

    @property
    def words(self) -> str:
        """The version in force, for people; empty where the file stands alone."""
        return "" if self.version is None else str(self.version)

    def product(self, item: str | None) -> str:
        """What an item is called; its number where nobody has named it."""
        return " ".join(self.config.products.get(item or "", item or "").split())

    def follow(self, change: Callable[[Policy, dict[str, str]], None]) -> None:
        """Tell of every change from now on."""
        self._follow = change

    async def wished(self, payload: bytes) -> Reported:
        """Take a wish; the answer to it."""
        match self._applied(payload):
            case Applied() as applied:
                if payload != self._kept:
                    await self._disk.insist(self._outbox.memory.put_wish, payload or None)
                    self._kept = payload
                if payload != self._wish:
                    self._take(applied)
                    whose = "the file's" if self.version is None else f"the cloud's {self.version}"
                    log.warning("settings in force: %s", whose)
                return applied.reported
            case Refused() as refused:
                log.warning("settings of the cloud are refused: %s", refused.error)
                return refused.reported(self.version)

    def _applied(self, wish: bytes) -> Applied | Refused:
        """The law is the file's alone: under it the panels were let pass, and are at each start."""
        outcome = apply(self._file, wish, self._wish)
        if isinstance(outcome, Applied):
            law, wished = self._file.receipts.profile, outcome.config.receipts.profile
            if wished != law:
                error = (
                    f'{NAME}: receipts.profile: expected "{law}", as in the file; found "{wished}"'
                )
                return Refused(outcome.version, error, wish)
        return outcome

    def _take(self, applied: Applied) -> None:
        self.config, self.version, self._wish = applied.config, applied.version, applied.wish
        if self._follow is not None:
            self._follow(self.policy, self.config.products)
