"""The real cloud as a process: its inbox is the judge. No register: what is sold waits for a name."""

import subprocess
from pathlib import Path

from parts import ROOT, python, wait_for_port
from street.gateway import PATIENCE_S, Books

from cloud.demo import settings
from cloud.demo.places import Places


class CloudProcess:
    """`python -m cloud serve`, killed and started again at will."""

    def __init__(self, folder: Path, broker: int) -> None:
        free = Places.free()
        places = Places(broker, free.emulator, free.public, free.cabinet, free.kiosk)
        self.books = Books(folder / "cloud.sqlite")
        self._config = folder / "cloud.toml"
        self._config.write_text(settings.cloud(self.books.file, places, "5"), "utf-8")
        self._log = folder / "cloud.log"
        self._port = places.public
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to start; `wait` waits until it is there."""
        command = python("cloud", "serve", "--config", str(self._config))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def wait(self) -> None:
        wait_for_port(self._port, PATIENCE_S)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
