"""The link: MQTT as both sides use it, a small port over paho-mqtt.

- Happenings come in order from one iterator: connected, disconnected, a message.
- A message is acknowledged to the broker by its reader, after it has been made safe, never before.
- `publish` returns a future that is done when the broker has the message. It proves no more.
- Connecting is retried for ever with jitter; a broker that is away raises nothing.
- Nothing of the session is relied on: subscriptions are made again on every connect.

paho runs in its own thread; its callbacks only hand things to the event loop, as an exception in
one would end the thread while `is_connected` stays true.
"""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.wire.settings import Broker

log = logging.getLogger(__name__)

SESSION_S: Final = 7 * 86400
RECEIVE_MAXIMUM: Final = 200
KEEPALIVE_S: Final = 45
STOP_S: Final = 1.5
"""A resolver without a network takes half a minute to say so."""
NOBODY_LISTENS: Final = 0x10
"""PUBACK's "No matching subscribers", from MQTT 5 on: the broker has dropped it."""
WILL_DELAY_S: Final = 5
"""Hides a modem's flap from the dashboards."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker took us; say the birth now."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone; it is being made again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message. `acknowledge` when it is safe; until then the broker repeats it on reconnect."""

    topic: str
    payload: bytes
    acknowledge: Callable[[], None] = field(repr=False)


Happening = Connected | Disconnected | Incoming


class LinkLostError(Exception):
    """The connection broke before the broker said that it has a message."""


class LinkRefusedError(LinkLostError):
    """The broker said no to a message, for instance because an ACL forbids its topic."""


class Link:
    """One connection to a broker, kept up for as long as the process lives."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        subscriptions: Sequence[str],
        will: tuple[str, bytes],
    ) -> None:
        """Prepare; nothing is sent before `start`.

        Raises:
            OSError, ssl.SSLError: a certificate, key or password file cannot be read.
        """
        self._broker = broker
        self._subscriptions = [(topic, 1) for topic in subscriptions]
        self._happenings: asyncio.Queue[Happening] = asyncio.Queue()
        self._publishing: dict[int, asyncio.Future[bool]] = {}
        self._generation = 0
        self.connected = False
        self.connections = 0
        """How many there were, with the one that is."""
        self.last_error = ""
        """Why the last one ended or was not made."""
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client = self._make_client(client_id, will)

    def start(self) -> None:
        """Connect in the background and keep trying."""
        self._loop = asyncio.get_running_loop()
        properties = None
        if self._broker.mqtt == "5":
            properties = _properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION_S
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._broker.host,
            self._broker.port,
            keepalive=KEEPALIVE_S,
            clean_start=False if properties else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        before = set(threading.enumerate())
        self._client.loop_start()
        self._thread = next(each for each in threading.enumerate() if each not in before)

    @property
    def alive(self) -> bool:
        """Whether the client's thread is there; without it nothing would ever connect again."""
        return self._thread is not None and self._thread.is_alive()

    async def stop(self) -> None:
        """Say goodbye; the will is not sent. A name that is being looked up is not waited for."""
        self._stopping = True
        self._client.disconnect()
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def end() -> None:
            self._client.loop_stop()
            with contextlib.suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=end, name="link ends", daemon=True).start()
        try:
            async with asyncio.timeout(STOP_S):
                await ended.wait()
        except TimeoutError:
            log.warning("the link does not end by itself; left behind")

    async def __aiter__(self) -> AsyncIterator[Happening]:
        """Everything that happens, in order, for ever."""
        while True:
            yield await self._happenings.get()

    def publish(
        self, topic: str, payload: bytes, qos: int, *, retain: bool = False
    ) -> "asyncio.Future[bool]":
        """Send. The future is done when the broker has it: False if it says that nobody listens.

        It fails with LinkLostError if the connection breaks first, or the broker refuses.
        """
        loop = self._loop
        if loop is None:
            raise RuntimeError("the link was not started")
        done: asyncio.Future[bool] = loop.create_future()
        # Nobody may be waiting: a refusal is logged where it arrives.
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        sent = self._client.publish(topic, payload, qos=qos, retain=retain)
        if qos == 0:
            done.set_result(True)
        else:
            self._publishing[sent.mid] = done
        return done

    def _make_client(self, client_id: str, will: tuple[str, bytes]) -> mqtt.Client:
        version5 = self._broker.mqtt == "5"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if version5 else MQTTProtocolVersion.MQTTv311,
            clean_session=None if version5 else False,
            manual_ack=True,
        )
        # Jitter, or a fleet comes back in step. paho counts fractions of a second as well.
        soonest, latest = random.uniform(0.3, 1.0), random.uniform(60, 120)  # noqa: S311
        client.reconnect_delay_set(soonest, latest)  # type: ignore[arg-type]
        if self._broker.username:
            password = None
            if self._broker.password_file:
                password = _password(Path(self._broker.password_file))
            client.username_pw_set(self._broker.username, password)
        if self._broker.ca:
            ca = None if self._broker.ca == "system" else self._broker.ca
            context = ssl.create_default_context(cafile=ca)
            if self._broker.certificate:
                context.load_cert_chain(self._broker.certificate, self._broker.key)
            client.tls_set_context(context)
        properties = None
        if version5:
            properties = _properties(PacketTypes.WILLMESSAGE)
            properties.WillDelayInterval = WILL_DELAY_S
        client.will_set(will[0], will[1], qos=1, retain=True, properties=properties)
        client.on_socket_open = _no_delay
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    # In paho's thread: hand over, nothing else. ------------------------------------------------

    def _hand_over(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            log.debug("the event loop is gone")

    def _on_pre_connect(self, client: mqtt.Client, _userdata: object) -> None:
        # paho would send all of it again, outside any window; its owners do that themselves.
        client.drop_out_messages()
        self._hand_over(self._forgotten)

    def _on_connect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: object,
        code: ReasonCode,
        _properties: object,
    ) -> None:
        self._hand_over(self._connected, code)

    def _on_connect_fail(self, _client: mqtt.Client, _userdata: object) -> None:
        # paho does not say why, but it calls while it handles the reason.
        self._hand_over(self._disconnected, f"no connection: {sys.exc_info()[1]}")

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: object,
        _flags: object,
        code: ReasonCode,
        _properties: object,
    ) -> None:
        self._hand_over(self._disconnected, str(code))

    def _on_message(
        self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage
    ) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._hand_over(self._received, topic, message.payload, message.mid, message.qos)

    def _on_publish(
        self,
        _client: mqtt.Client,
        _userdata: object,
        mid: int,
        code: ReasonCode,
        _properties: object,
    ) -> None:
        self._hand_over(self._published, mid, code)

    # In the event loop. ------------------------------------------------------------------------

    def _connected(self, code: ReasonCode) -> None:
        if code.is_failure:
            self._disconnected(f"refused: {code}{_advice(code, self._broker)}")
            return
        self._generation += 1
        self.connections += 1
        self.connected = True
        if self._subscriptions:
            self._client.subscribe(self._subscriptions)
        log.info("connected to the broker at %s:%s", self._broker.host, self._broker.port)
        self._happenings.put_nowait(Connected())

    def _disconnected(self, reason: str) -> None:
        news = (self.connected or self.last_error != reason) and not self._stopping
        level = logging.WARNING if news else logging.DEBUG
        log.log(
            level, "broker at %s:%s: %s; trying again", self._broker.host, self._broker.port, reason
        )
        self.last_error = reason
        was, self.connected = self.connected, False
        if was:
            self._happenings.put_nowait(Disconnected(reason))

    def _forgotten(self) -> None:
        lost, self._publishing = self._publishing, {}
        for done in lost.values():
            if not done.done():
                done.set_exception(LinkLostError("the connection broke"))

    def _received(self, topic: str, payload: bytes, mid: int, qos: int) -> None:
        generation = self._generation

        def acknowledge() -> None:
            # A packet id of an earlier connection may by now belong to another message, and an
            # answer given while there is none would go out before the next one is made.
            if self.connected and generation == self._generation and qos:
                self._client.ack(mid, qos)

        self._happenings.put_nowait(Incoming(topic, payload, acknowledge))

    def _published(self, mid: int, code: ReasonCode) -> None:
        done = self._publishing.pop(mid, None)
        if code.is_failure:
            log.error("the broker refused a message: %s", code)
        if done is None or done.done():
            return
        if code.is_failure:
            done.set_exception(LinkRefusedError(str(code)))
        else:
            done.set_result(code.value != NOBODY_LISTENS)


def _password(file: Path) -> str:
    """What the file says.

    Raises:
        OSError: it cannot be read, or is no text.
    """
    try:
        return file.read_text("utf-8").strip()
    except UnicodeDecodeError as error:
        raise OSError(f"{file}: it is no UTF-8 text") from error


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _no_delay(_client: mqtt.Client, _userdata: object, sock: Any) -> None:  # noqa: ANN401, paho's
    """Request and answer in turn pay Nagle and the delayed ACK otherwise: 52 ms instead of 6."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _advice(code: ReasonCode, broker: Broker) -> str:
    if "protocol version" in str(code).lower() and broker.mqtt == "5":
        return '; this broker speaks no MQTT 5: set mqtt = "3.1.1" under [broker]'
    return ""
