"""The broker as an operator runs it, from deploy/'s own files, and a client with a certificate."""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from parts import ROOT, Mosquitto, free_port, until

DEPLOY = ROOT / "deploy"
HOST = "127.0.0.1"
MACHINE, NEIGHBOUR = "vm-000123", "vm-000124"


def certificates(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run deploy/broker/certificates.sh."""
    return subprocess.run(
        ["sh", DEPLOY / "broker/certificates.sh", "--folder", folder, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def make_authority(folder: Path) -> None:
    """A folder with an authority, and with certificates for everybody who is needed."""
    for arguments in (
        ("ca",),
        ("broker", HOST),
        ("cloud",),
        ("machine", MACHINE),
        ("machine", NEIGHBOUR),
    ):
        done = certificates(folder, *arguments)
        assert done.returncode == 0, done.stderr


@dataclass
class Secured:
    """A running broker, its ACL file and who may vouch for it."""

    broker: Mosquitto
    acl: Path
    ca: Path

    @property
    def port(self) -> int:
        return self.broker.port


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """Put this place in for the real one; a change that changes nothing is a mistake."""
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    return text


@contextmanager
def secured_broker(authority: Path) -> Iterator[Secured]:
    """Install the files as the README says, and start mosquitto from its own configuration."""
    with tempfile.TemporaryDirectory(prefix="chekomat-broker-") as name:
        folder = Path(name)
        # Started by root, mosquitto becomes the user mosquitto before it reads these.
        folder.chmod(0o755)
        port, state = free_port(), folder / "state"
        state.mkdir()
        acl = _install(DEPLOY / "broker/acl", folder)
        places = {
            "listener 8883": f"listener {port} {HOST}",
            "/etc/mosquitto/certs/ca.crt": str(_install(authority / "ca.crt", folder)),
            "/etc/mosquitto/certs/broker.crt": str(_install(authority / "broker.crt", folder)),
            "/etc/mosquitto/certs/broker.key": str(_install(authority / "broker.key", folder)),
            "/etc/mosquitto/chekomat.acl": str(acl),
            "/var/lib/mosquitto/": f"{state}/",
        }
        config = folder / "mosquitto.conf"
        shipped = (DEPLOY / "broker/mosquitto.conf").read_text("utf-8")
        config.write_text(replaced(shipped, places), "utf-8")
        if os.geteuid() == 0:
            shutil.chown(state, "mosquitto")
        broker = Mosquitto(port, config)
        broker.start()
        try:
            yield Secured(broker, acl, authority / "ca.crt")
        finally:
            broker.stop()


def _install(file: Path, folder: Path) -> Path:
    """`install -g mosquitto -m 640`, where it can be done."""
    there = folder / file.name
    shutil.copyfile(file, there)
    there.chmod(0o640)
    if os.geteuid() == 0:
        shutil.chown(there, group="mosquitto")
    return there


class Client:
    """A plain paho client that keeps what comes; paho's own thread fills the lists."""

    def __init__(
        self,
        secured: Secured,
        pair: Path | None,
        *,
        ca: Path | None = None,
        client_id: str = "",
        will: str | None = None,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.answers: dict[int, str] = {}
        self.connections: list[str] = []
        self.ends: list[str] = []
        self._subscribed: list[int] = []
        context = ssl.create_default_context(cafile=str(ca or secured.ca))
        if pair is not None:
            context.load_cert_chain(pair.with_suffix(".crt"), pair.with_suffix(".key"))
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.tls_set_context(context)
        if will is not None:
            client.will_set(will, b"gone", qos=1)
        # Callback arguments: client, userdata, flags or mid, reason code, …
        client.on_connect = lambda *told: self.connections.append(str(told[3]))
        client.on_disconnect = lambda *told: self.ends.append(str(told[3]))
        client.on_message = lambda *told: self.heard.append((told[2].topic, told[2].payload))
        client.on_publish = lambda *told: self.answers.update({told[2]: str(told[3])})
        client.on_subscribe = lambda *told: self._subscribed.append(told[2])
        self._client = client
        self._port = secured.port

    async def __aenter__(self) -> Self:
        """Connected, or thrown out."""
        self._client.connect(HOST, self._port)
        self._client.loop_start()
        await until(lambda: self.connections or self.ends)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def accepted(self) -> bool:
        return self.connections == ["Success"] and not self.ends

    async def listen(self, topic: str) -> None:
        _, mid = self._client.subscribe(topic, qos=1)
        await until(lambda: mid in self._subscribed)

    async def say(self, topic: str, body: bytes = b"{}", *, retain: bool = False) -> str:
        """The broker's answer: Success, No matching subscribers or Not authorized."""
        sent = self._client.publish(topic, body, qos=1, retain=retain)
        await until(lambda: sent.mid in self.answers)
        return self.answers[sent.mid]

    def shout(self, topic: str, size: int) -> None:
        """Send so many bytes and wait for no answer."""
        self._client.publish(topic, bytes(size), qos=1)

    def cut(self) -> None:
        """The cable is pulled."""
        sock = self._client.socket()
        assert sock is not None
        sock.shutdown(socket.SHUT_RDWR)
