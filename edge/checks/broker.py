"""The broker: whether it is the right one, lets this machine in, and what it says of the cloud.

A machine's certificate serves one connection at a time: a broker that takes the client id from it
throws the older one out. So nobody connects while the agent runs; the agent is asked instead. The
client id is another than the agent's, for brokers that leave it as it is.
"""

import secrets
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.checks import NOTHING, Finding, as_is, as_words, both
from edge.checks.agent import Agent
from edge.checks.patience import within
from edge.technician.words import Text
from edge.wire.settings import SYSTEM, Broker
from edge.wire.topics import CLOUD_STATE

NAME: Final = "broker"
CONNECTING_S: Final = 8.0
ANSWER_S: Final = 8.0
RETAINED_S: Final = 2.0
"""A retained message comes right behind the subscription's answer."""
LOCAL: Final = ("127.", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Visit:
    """How a visit went. `answer` is the reason code in words, `error` why there was none.

    `cloud` is the retained word of the cloud, empty if there is none; None if nobody could ask.
    """

    answer: str = ""
    error: Text | None = None
    advice: Text = NOTHING
    cloud: bytes | None = None

    @property
    def accepted(self) -> bool:
        """Whether the broker let us in."""
        return self.answer == "Success"


ADVICE: Final = {
    "Unsupported protocol version": both(
        'брокер не понимает MQTT 5: задайте mqtt = "3.1.1"',
        'this broker speaks no MQTT 5: set mqtt = "3.1.1"',
    ),
    "Client identifier not valid": both(
        "брокер не пускает имена клиентов, что начинаются с chekomat-",
        "the broker allows no client id that begins with chekomat-",
    ),
    "Bad user name or password": both(
        "проверьте username и password_file и список у самого брокера",
        "look at username and password_file, and the broker's own list",
    ),
    "Not authorized": both(
        "брокер знает этот автомат и не пускает: его закрыли (acl: topic deny) или его нет в списке?",
        "the broker knows this machine and forbids it: was it shut out (acl: topic deny), or is it"
        " missing there?",
    ),
    "Server unavailable": both(
        "брокер запускается или останавливается: повторите через минуту",
        "the broker is there and starts or ends: try again in a minute",
    ),
    "Server busy": both(
        "слишком много автоматов сразу: повторите через минуту",
        "too many machines at once: try again in a minute",
    ),
    "Banned": both(
        "этот автомат закрыл администратор брокера",
        "the broker's administrator has shut this machine out",
    ),
    "Quota exceeded": both(
        "брокер больше не принимает соединений", "the broker takes no more connections"
    ),
}
"""By the reason code (MQTT 5, section 3.2.2.2; 3.1.1's are told in the same words)."""


async def visit(broker: Broker) -> Visit:
    """Connect, hear whether the cloud is there, and say goodbye."""
    try:
        return await within(CONNECTING_S + ANSWER_S + RETAINED_S, _visit, broker)
    except TimeoutError:
        return Visit(
            error=both("не отвечает", "it does not answer"),
            advice=both("тот ли порт в broker.port?", "is broker.port that of an MQTT broker?"),
        )
    except ssl.SSLCertVerificationError as error:
        return _unproven(broker, error)
    except ssl.SSLError as error:
        return Visit(
            error=both("нет TLS: {why}", "no TLS: {why}", why=error.reason or error),
            advice=both(
                "в broker.port порт с TLS (8883)? Без TLS (1883) уберите ca, certificate и key",
                "is broker.port the one with TLS (8883)? Without TLS (1883) leave ca, certificate"
                " and key away",
            ),
        )
    except OSError as error:
        return Visit(
            error=as_is(as_words(error)),
            advice=both("см. проверку «сеть»", "see the check `network`"),
        )


def judge(broker: Broker, seen: Visit) -> Finding:
    """What a visit says of the broker."""
    where = f"{broker.host}:{broker.port}"
    if seen.error is not None:
        failed = both("{where}: {error}", "{where}: {error}", where=where, error=seen.error)
        return Finding(NAME, "fail", failed, seen.advice)
    if not seen.accepted:
        refused = both(
            "{where} не пускает этот автомат: {answer}",
            "{where} refuses this machine: {answer}",
            where=where,
            answer=seen.answer,
        )
        log = both("см. журнал самого брокера", "see the broker's own log")
        return Finding(NAME, "fail", refused, ADVICE.get(seen.answer, log))
    if broker.ca is None and not broker.host.startswith(LOCAL):
        return Finding(
            NAME,
            "warn",
            both(
                "{where} пускает этот автомат, но без TLS: любой по дороге может читать и писать",
                "{where} lets this machine in, without TLS: everybody on the way can read and write",
                where=where,
            ),
            both(
                "задайте ca, certificate и key в [broker]; как, написано в deploy/README",
                "set ca, certificate and key under [broker]; the README of deploy/ says how",
            ),
        )
    well = both("{where} пускает этот автомат", "{where} lets this machine in", where=where)
    return Finding(NAME, "ok", well)


def judge_told(agent: Agent) -> Finding:
    """What the running agent says of the broker."""
    if agent.status is None:
        return Finding(
            NAME,
            "skipped",
            both(
                "единственное соединение автомата у работающего агента, а он не отвечает",
                "the running agent has the machine's one connection, and cannot be asked",
            ),
            both(
                "чтобы проверить брокера, остановите его: sudo systemctl stop chekomat-edge",
                "stop it to test the broker: sudo systemctl stop chekomat-edge",
            ),
        )
    link = agent.status.link
    if link.connected:
        well = both(
            "работающий агент соединён с {broker}",
            "the running agent is connected to {broker}",
            broker=link.broker,
        )
        return Finding(NAME, "ok", well)
    return Finding(
        NAME,
        "fail",
        both(
            "работающий агент не соединён с {broker}: {why}",
            "the running agent is not connected to {broker}: {why}",
            broker=link.broker,
            why=as_is(link.last_error) if link.last_error else both("пытается", "it tries"),
        ),
        both(
            "см. проверки «сеть», «сертификат» и «часы»; до тех пор продажи ждут на диске",
            "see the checks `network`, `certificate` and `clock`; sales wait on the disk until then",
        ),
    )


def _unproven(broker: Broker, error: ssl.SSLCertVerificationError) -> Visit:
    """Why the broker's certificate is not believed (codes of X509_verify_cert)."""
    why = error.verify_message
    advice = both(
        "скопируйте ca.crt центра заново; или по этому адресу кто-то чужой?",
        "copy the authority's ca.crt here again, or is somebody else at that address?",
    )
    if error.verify_code in {9, 10}:
        advice = both(
            "верны ли часы этого компьютера (проверка «часы»)? Если да, брокеру нужен новый",
            "is this computer's clock right (check `clock`)? Else the broker needs a new one",
        )
    elif error.verify_code in {62, 64} or "mismatch" in why.lower():
        advice = both(
            "задайте в broker.host имя, которое в нём стоит; или выпустите его заново для {host}:"
            " certificates.sh broker HOST",
            "set broker.host to the name that stands in it; or make it anew for {host}:"
            " certificates.sh broker HOST",
            host=broker.host,
        )
    elif broker.ca == SYSTEM:
        advice = both(
            'у брокера свой центр сертификации: задайте в ca его ca.crt вместо "system"',
            'the broker has an authority of its own: set ca to its ca.crt instead of "system"',
        )
    error_told = both(
        "его сертификату нет доверия: {why}", "its certificate is not believed: {why}", why=why
    )
    return Visit(error=error_told, advice=advice)


class _Guest:
    """A connection that asks one thing."""

    def __init__(self) -> None:
        self.answer = ""
        self.ended = ""
        self.subscribed = False
        self.cloud: bytes | None = None


def _visit(broker: Broker) -> Visit:
    guest = _Guest()
    context = _context(broker)
    if context is not None:
        _shake_hands(broker, context)
    client = _client(broker, guest, context)
    client.connect_timeout = CONNECTING_S
    client.connect(broker.host, broker.port, keepalive=30)
    try:
        _turn(client, ANSWER_S, lambda: guest.answer or guest.ended)
        if not guest.answer:
            return Visit(
                error=both(
                    "закрывает соединение без ответа", "it closed the connection without an answer"
                ),
                advice=both(
                    "не принял сертификат (см. проверку «сертификат» и журнал брокера) или это не"
                    " брокер MQTT",
                    "it did not take the certificate (see the check `certificate`, and the broker's"
                    " own log), or is no MQTT broker",
                ),
            )
        if guest.answer == "Success":
            client.subscribe(CLOUD_STATE, qos=0)
            _turn(client, RETAINED_S, lambda: guest.cloud is not None or guest.ended)
            client.disconnect()
            return Visit(answer=guest.answer, cloud=guest.cloud or b"")
        return Visit(answer=guest.answer)
    finally:
        sock = client.socket()
        if sock is not None:
            sock.close()


def _turn(client: Any, seconds: float, done: Any) -> None:  # noqa: ANN401, paho's and a lambda
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline and client.loop(0.1) == 0:
        pass


def _context(broker: Broker) -> ssl.SSLContext | None:
    if not broker.ca:
        return None
    context = ssl.create_default_context(cafile=None if broker.ca == SYSTEM else broker.ca)
    if broker.certificate:
        context.load_cert_chain(broker.certificate, broker.key)
    return context


def _shake_hands(broker: Broker, context: ssl.SSLContext) -> None:
    """Once without MQTT: paho leaves a socket open whose handshake failed."""
    where = (broker.host, broker.port)
    with (
        socket.create_connection(where, timeout=CONNECTING_S) as plain,
        context.wrap_socket(plain, server_hostname=broker.host),
    ):
        pass


def _client(broker: Broker, guest: _Guest, context: ssl.SSLContext | None) -> Any:  # noqa: ANN401, paho's
    import paho.mqtt.client as mqtt  # noqa: PLC0415, only who connects needs it
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion  # noqa: PLC0415

    version5 = broker.mqtt == "5"
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"chekomat-doctor-{secrets.token_hex(4)}",
        protocol=MQTTProtocolVersion.MQTTv5 if version5 else MQTTProtocolVersion.MQTTv311,
        clean_session=None if version5 else True,
        reconnect_on_failure=False,
    )
    if broker.username:
        password = None
        if broker.password_file:
            password = Path(broker.password_file).read_text("utf-8").strip()
        client.username_pw_set(broker.username, password)
    if context is not None:
        client.tls_set_context(context)

    def on_connect(*told: Any) -> None:  # noqa: ANN401, client, userdata, flags, code, properties
        guest.answer = str(told[3])

    def on_disconnect(*told: Any) -> None:  # noqa: ANN401
        guest.ended = str(told[3])

    def on_message(*told: Any) -> None:  # noqa: ANN401, client, userdata, message
        guest.cloud = told[2].payload

    client.on_connect = on_connect
    client.on_disconnect = on_disconnect
    client.on_message = on_message
    return client
