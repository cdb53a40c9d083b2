"""A line to the broker for as long as one order takes: no session, no will, nothing retried.

It is another client than the running fiscaliser, whom it must not throw out: under a name of its
own, and with a certificate of its own where the broker knows its clients by theirs.
"""

import asyncio
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from cloud.config import Config
from cloud.errors import ConfigError, StartError
from cloud.orders.arguments import PERSON
from edge.wire.link import NOBODY_LISTENS
from edge.wire.settings import Broker, SettingsError, read

CONNECT_S: Final = 10.0


def broker_of(config: Path, certificate: Path | None, key: Path | None) -> Broker:
    """The fiscaliser's broker, approached with the person's own certificate.

    Raises:
        ConfigError: the file is wrong, or the certificate is not there.
    """
    try:
        # Not `load`: whoever orders may not be allowed to read the registers' secrets.
        broker = read(config, Config, sample="deploy/cloud/config.toml").broker
    except SettingsError as error:
        raise ConfigError(str(error)) from error
    if broker.certificate is None:
        return broker
    certificate = certificate or config.with_name(f"{PERSON}.crt")
    key = key or config.with_name(f"{PERSON}.key")
    for option, file in (("--certificate", certificate), ("--key", key)):
        if not os.access(file, os.R_OK):
            raise ConfigError(
                f"{option}: {file} is no file you may read; one certificate serves one connection,"
                " and the fiscaliser's is in use: make one with"
                f" `deploy/broker/certificates.sh machine {PERSON}`"
            )
    return msgspec.structs.replace(broker, certificate=str(certificate), key=str(key))


@dataclass(frozen=True, slots=True)
class _Ended:
    """The connection is gone."""

    reason: str


class Line:
    """``async with Line(broker, topics) as line``: connected and subscribed.

    Raises:
        ConfigError: a certificate or password file cannot be read.
        StartError: the broker is away or refuses, at once or in the middle.
    """

    def __init__(self, broker: Broker, topics: Sequence[str]) -> None:
        self._where = f"broker at {broker.host}:{broker.port}"
        self._broker = broker
        self._topics = [(topic, 1) for topic in topics]
        self._loop = asyncio.get_running_loop()
        self._subscribed: asyncio.Future[None] = self._loop.create_future()
        self._heard: asyncio.Queue[tuple[str, bytes] | _Ended] = asyncio.Queue()
        self._saying: dict[int, asyncio.Future[ReasonCode]] = {}
        self._client = self._make_client()

    async def __aenter__(self) -> Self:
        """Connect and subscribe."""
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.to_thread(self._client.connect, self._broker.host, self._broker.port)
                self._client.loop_start()
                await self._subscribed
        except (OSError, TimeoutError) as error:  # of which TLS's errors are
            await self._hang_up()
            reason = str(error) or f"no answer within {CONNECT_S:g} s"
            raise StartError(f"{self._where}: {reason}") from error
        except BaseException:
            await self._hang_up()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._hang_up()

    async def say(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Publish; whether somebody listens, as far as the broker tells.

        Raises:
            StartError: the broker refused it, or is gone.
        """
        done: asyncio.Future[ReasonCode] = self._loop.create_future()
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        self._saying[sent.mid] = done
        try:
            async with asyncio.timeout(CONNECT_S):
                code = await done
        except TimeoutError:
            raise StartError(f"{self._where}: it did not take the message") from None
        if code.is_failure:
            raise StartError(f"{self._where}: {topic}: {code}; may this client order?")
        return bool(code.value != NOBODY_LISTENS)

    async def hear(self) -> tuple[str, bytes]:
        """The next message: its topic and payload.

        Raises:
            StartError: the connection is gone.
        """
        heard = await self._heard.get()
        if isinstance(heard, _Ended):
            raise StartError(f"{self._where}: {heard.reason}")
        return heard

    def _make_client(self) -> mqtt.Client:
        broker = self._broker
        version5 = broker.mqtt == "5"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"chekomat-{PERSON}-{os.urandom(4).hex()}",
            protocol=MQTTProtocolVersion.MQTTv5 if version5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        try:
            if broker.username:
                password = broker.password_file
                text = Path(password).read_text("utf-8").strip() if password else None
                client.username_pw_set(broker.username, text)
            if broker.ca:
                ca = None if broker.ca == "system" else broker.ca
                context = ssl.create_default_context(cafile=ca)
                if broker.certificate:
                    context.load_cert_chain(broker.certificate, broker.key)
                client.tls_set_context(context)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"broker: {error}") from error
        # In paho's thread: hand over, nothing else.
        client.on_connect = lambda *told: self._hand_over(self._connected, told[3])
        client.on_subscribe = lambda *_: self._hand_over(self._is_subscribed)
        client.on_disconnect = lambda *told: self._hand_over(self._ended, str(told[3]))
        client.on_publish = lambda *told: self._hand_over(self._said, told[2], told[3])
        client.on_message = lambda *told: self._hand_over(
            self._heard.put_nowait, (_topic(told[2]), told[2].payload)
        )
        return client

    def _hand_over(self, call: Any, *arguments: object) -> None:  # noqa: ANN401, any of ours
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _connected(self, code: ReasonCode) -> None:
        if code.is_failure:
            self._ended(f"refused: {code}")
        else:
            self._client.subscribe(self._topics)

    def _is_subscribed(self) -> None:
        if not self._subscribed.done():
            self._subscribed.set_result(None)

    def _said(self, mid: int, code: ReasonCode) -> None:
        done = self._saying.pop(mid, None)
        if done is not None and not done.done():
            done.set_result(code)

    def _ended(self, reason: str) -> None:
        if not self._subscribed.done():
            self._subscribed.set_exception(StartError(f"{self._where}: {reason}"))
        self._heard.put_nowait(_Ended(reason))

    async def _hang_up(self) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)


def _topic(message: mqtt.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""
