"""Targets of the cloud's side: what strangers, machines, providers and files bring."""

import asyncio
import atexit
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from hostile.providers import ANSWERS, PUSHES, Network, clients_in, is_sound
from kinds import KINDS
from shop import a_sale
from till import KEY, RECEIPT

from cloud.books import kinds, rows, sheets
from cloud.config import load
from cloud.errors import ConfigError
from cloud.fiscal import read_qr
from cloud.providers import Attempt, BadSignatureError, Notice, Provider
from cloud.store import Store, migrate
from edge.wire import (
    Ack,
    Channel,
    Health,
    Incident,
    MalformedMessageError,
    Noted,
    Receipt,
    ReceiptAck,
    Reported,
    Result,
    Sale,
    Shown,
    State,
    decode,
    encode,
    parse,
    parse_command,
    read_command,
)

MESSAGES: tuple[Any, ...] = (
    *(Sale, State, Shown, Incident, ReceiptAck, Reported, Result, Health),
    *(Ack, Noted, Receipt),
)
NAMES = [*KINDS]
STATUSES = (200, 201, 202, 400, 401, 403, 404, 409, 422, 429, 500, 503, 524)


@cache
def folder() -> Path:
    """Of this process, until it ends."""
    place = tempfile.TemporaryDirectory(prefix="chekomat-target-")
    atexit.register(place.cleanup)
    return Path(place.name)


@cache
def loop() -> asyncio.AbstractEventLoop:
    running = asyncio.new_event_loop()
    atexit.register(running.close)
    return running


@cache
def network() -> Network:
    return Network()


@cache
def clients() -> Mapping[str, Provider]:
    return clients_in(folder(), network())


def wire(raw: bytes) -> None:
    """A kind of message and its bytes: it says the same when it is written and read again."""
    if not raw:
        return
    kind, payload = MESSAGES[raw[0] % len(MESSAGES)], raw[1:]
    topic = payload.decode("utf-8", "replace")
    parse(topic)
    parse_command(topic)
    with suppress(MalformedMessageError):
        read_command(payload)
    try:
        told = decode(payload, kind)
    except MalformedMessageError:
        return
    try:
        again = encode(told)
    except OverflowError:
        return  # `raw` alone may hold such numbers; nobody writes it again
    assert decode(again, kind) == told


def answer(raw: bytes) -> None:
    """A provider, a status and a body, which is the answer to whatever is asked."""
    if len(raw) < 3:
        return
    name, status = NAMES[raw[0] % len(NAMES)], STATUSES[raw[1] % len(STATUSES)]
    provider = clients()[name]
    body = provider.compose(RECEIPT, KEY)
    page = (status, raw[3:], {"Retry-After": "1"} if raw[2] & 1 else {})
    token = (200, msgspec.json.encode(ANSWERS[name][0]), {})
    network().answering(*([token] if raw[2] & 2 else []), page)
    attempt = Attempt(KEY, body, "7" if raw[2] & 4 else None)
    call = provider.submit if raw[2] & 8 else provider.ask
    is_sound(loop().run_until_complete(call(attempt)))


def push(raw: bytes) -> None:
    """A provider, the headers and the body of what somebody pushes."""
    if len(raw) < 2:
        return
    headers = {
        "Content-Type": "application/json" if raw[1] & 1 else "application/x-www-form-urlencoded",
        **({"X-HMAC-Signature": "guessed", "Content-HMAC": "guessed"} if raw[1] & 2 else {}),
    }
    try:
        notice = clients()[NAMES[raw[0] % len(NAMES)]].notice(raw[2:], headers)
    except BadSignatureError:
        return
    if notice is not None:
        assert isinstance(notice, Notice)
        assert notice.outcome is None, "nobody has proved anything"
        assert isinstance(notice.key, str)


def table(raw: bytes) -> None:
    """A file of machines, as somebody imports it."""
    file = folder() / "table.csv"
    file.write_bytes(raw)
    with suppress(ConfigError):
        for row in rows.read(sheets.rows(file), kinds.MACHINE.columns, ["id"]):
            assert all(reason and column for column, reason in row.wrong)


def config(raw: bytes) -> None:
    """A cloud.toml."""
    file = folder() / "cloud.toml"
    file.write_bytes(raw)
    said = f"{file}: "
    try:
        load(file)
    except ConfigError as error:
        said = str(error)
    assert said.startswith(f"{file}: ")
    assert len(said.splitlines()) == 1


def qr(raw: bytes) -> None:
    """The text of a fiscal QR: what is read says the same."""
    document = read_qr(raw.decode("utf-8", "replace"))
    if document is not None:
        assert read_qr(document.qr) == document


@cache
def _a_store() -> Store:
    from hostile.cloud.intray import honest_sale, two_machines

    file = folder() / "cloud.sqlite"
    migrate(file)
    store = Store(file)
    running = loop()
    # Registered after the loop's own end, so it comes before it.
    atexit.register(lambda: running.run_until_complete(store.close()))
    loop().run_until_complete(two_machines(store))
    loop().run_until_complete(_taken(store, honest_sale(1)))
    return store


async def _taken(store: Store, *messages: tuple[str, bytes]) -> None:
    from hostile.cloud.intray import a_mailbox

    async with a_mailbox(store) as mailbox:
        await mailbox.take(*messages)


def inbox(raw: bytes) -> None:
    """A channel of a machine and what it says there; the other machine's rows stay as they are."""
    if not raw:
        return
    from hostile.cloud.intray import HONEST, LIAR, of_machine

    store = _a_store()
    channels = [*Channel]
    before = loop().run_until_complete(of_machine(store, HONEST))
    message = (channels[raw[0] % len(channels)].of(LIAR), raw[1:])
    loop().run_until_complete(_taken(store, message, message))
    assert loop().run_until_complete(of_machine(store, HONEST)) == before


TARGETS: Mapping[str, Callable[[bytes], object]] = {
    each.__name__: each for each in (wire, answer, push, table, config, qr, inbox)
}
_SALE = encode(a_sale())
_STATE = encode(State(online=True, epoch="7f3a9c1e", next_seq=2, nonce="a"))
SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "wire": (
        b"\0" + _SALE,
        b"\1" + _STATE,
        b'\0{"do":"restart","expires_at":""}',
        b"vend/v1/x/sale",
    ),
    "answer": tuple(
        bytes([number, 0, bits]) + msgspec.json.encode(each)
        for number, name in enumerate(NAMES)
        for each in ANSWERS[name]
        for bits in (4, 6, 8, 10)
    ),
    "push": tuple(
        bytes([number, 1]) + msgspec.json.encode(PUSHES[name]) for number, name in enumerate(NAMES)
    ),
    "table": (
        "id;register;planogram;address;place\nvm-1;main;hot;г. Казань;зал 1\n".encode(),
        'sep=,\nid,place\n"vm-1","a\nb"\n'.encode("utf-16"),
        "id\tналичные\nvm-1\tда\n".encode("cp1251"),
    ),
    "config": (
        b'database = "a.sqlite"\npublic_url = "https://r.example"\n[broker]\nport = 8883\n',
        b'[broker]\nmqtt = "4"\n[operator]\n',
    ),
    "qr": (b"t=20261123T1842&s=120.10&fn=9999078900000001&i=1&fp=3141592653&n=1",),
    "inbox": tuple(
        bytes([[*Channel].index(channel)]) + body
        for channel, body in ((Channel.SALE, _SALE), (Channel.STATE, _STATE))
    ),
}
