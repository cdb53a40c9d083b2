"""An Orange Data of one's own: ``python -m cloud emulate orange``.

Keeps to what is known of the real one, protocol 2.31: a client certificate (401), a signature over
the raw bytes (400), an id that is unique for ever (409), groups for automatic devices and groups
that are none, a queue that may be full (503) and forgets what it could not issue (524), text cut
down to CP866, a page of a receipt that opens before there is one.

Assumed, as no source tells: `callbackApiKey` comes back as the header `X-Api-Key`; what is wrong
with a document is said before it is looked up; a group that nobody knows answers an empty list.
"""

import argparse
import asyncio
import base64
import binascii
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cloud.emulators import keys, orange_tags
from cloud.emulators.drive import Document, Drive, Told
from cloud.emulators.faults import Fault
from cloud.emulators.frame import Emulator, Entry
from cloud.emulators.orange_checks import MOST_BYTES, problems
from cloud.emulators.page import document_page
from cloud.emulators.pasting import register_add, url_of
from cloud.emulators.pushing import Push

INN: Final = "7708806062"
GROUPS: Final = ("Vend", "Vend_2", "Main", "Main_2")
QUEUE_S: Final = 30 * 86_400.0
QUEUE: Final = 100
RN: Final = "0000000400054952"
SN: Final = "0000000000001358"
OFD_INN: Final = "7700000000"
_KINDS: Final = "documents|corrections|correction12"


@dataclass(frozen=True, slots=True)
class Organisation:
    """Whose documents are taken, and how they are worked off."""

    inn: str
    public_key: rsa.RSAPublicKey
    key: str = ""
    """The name that the public key was given; else the INN."""
    certificate: bytes | None = None
    """The one client certificate that is let in, DER; None: nobody is asked for one."""
    groups: Sequence[str] = GROUPS
    """Groups that have a register. In any other a document waits, and nobody says so."""
    registers: int | None = None
    """Each issues one receipt a second; None: as fast as they come."""
    queue: int = QUEUE
    """So many may wait where registers are counted."""
    queue_s: float = QUEUE_S
    """What has waited so long is dropped."""
    spelling: Literal["sample", "table"] = "sample"
    """Of some names in a status: the protocol's samples and its table differ."""


class OrangeData(Emulator):
    """The server."""

    def __init__(self, organisation: Organisation, drive: Drive, delay_s: float = 0.0) -> None:
        super().__init__(drive, delay_s)
        self.organisation = organisation
        self.unsent = 0
        self.unsent_since: date | None = None
        self.drive_until = datetime.fromtimestamp(time.time(), UTC).date() + timedelta(days=400)
        self._free_at = 0.0

    def routes(self) -> Sequence[web.RouteDef]:
        """Documents, statuses, registers, and the buyer's page."""
        return [
            web.post(f"/api/v2/{{kind:{_KINDS}}}/", self._post),
            web.get(f"/api/v2/{{kind:{_KINDS}}}/{{inn}}/status/{{id}}", self._status),
            web.get("/api/v2/devices/status/{inn}/{group}", self._devices),
            web.get(r"/{inn:\d+}/{id}", self._buyer),
        ]

    def pushed(self, entry: Entry, *, spoiled: bool) -> Push | None:
        """The body of a status 200, to whatever address the document had named."""
        request = entry.told.request
        if entry.document is None or not request.get("callbackUrl"):
            return None
        body = self._done(entry.document)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if spoiled:
            body = {**body, "id": f"{entry.told.id}-of-somebody-else"}
        elif request.get("callbackApiKey"):
            headers["X-Api-Key"] = request["callbackApiKey"]
        return Push(request["callbackUrl"], _json(body), headers)

    async def _work(self, entry: Entry, fault: Fault | None) -> None:
        """A register takes it in its turn; what would wait too long never comes to its turn."""
        group = entry.told.request.get("group") or "Vend"
        wait_s = self._turn_s() if group in self.organisation.groups else math.inf
        if wait_s + self.delay_s > self.organisation.queue_s:
            await asyncio.sleep(self.organisation.queue_s)
            if self.entries.get(entry.told.id) is entry:
                entry.ended = Fault.EXPIRE
            return
        await asyncio.sleep(wait_s)
        await super()._work(entry, fault)

    def _turn_s(self) -> float:
        if self.organisation.registers is None:
            return 0
        now = time.monotonic()
        turn = max(now, self._free_at)
        self._free_at = turn + 1 / self.organisation.registers
        return turn - now

    def _is_full(self) -> bool:
        waiting = sum(each.ended is None for each in self.entries.values())
        return self.organisation.registers is not None and waiting >= self.organisation.queue

    def _is_let_in(self, request: web.Request) -> bool:
        wanted = self.organisation.certificate
        if wanted is None:
            return True
        tls = request.get_extra_info("ssl_object")
        return tls is not None and tls.getpeercert(binary_form=True) == wanted

    async def _post(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        if not self._is_let_in(request):
            return web.Response(status=401)
        take = partial(self._take, request, raw)
        return await self.under_fault(request, take, lambda: web.Response(status=500))

    async def _take(
        self, request: web.Request, raw: bytes, fault: Fault | None
    ) -> web.StreamResponse:
        if fault in _ANSWERS:
            return _ANSWERS[fault]()
        told = _object(raw)
        wrong = self._problems(told, raw, request)
        if wrong or told is None:
            return _errors(*wrong)
        if self.entry(told["id"]) is not None:
            return web.Response(status=409)
        if self._is_full():
            wait_s = max(1, math.ceil(self._free_at - time.monotonic()))
            return _busy(wait_s)
        await self.accept(orange_tags.told(told), fault)
        return web.Response(status=201)

    def _problems(
        self, told: Mapping[str, Any] | None, raw: bytes, request: web.Request
    ) -> list[str]:
        if told is None or len(raw) > MOST_BYTES:
            return ["Документ не является корректным JSON или превышает 32768 байт"]
        if told.get("key") != (self.organisation.key or self.organisation.inn):
            return [f"Ключ проверки подписи 'Key' {told.get('key')} не найден"]
        try:
            signature = base64.b64decode(request.headers.get("X-Signature", ""), validate=True)
            self.organisation.public_key.verify(signature, raw, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error):
            return ["Подпись документа не прошла проверку"]
        try:
            return problems(told, request.match_info["kind"], self.organisation.inn)
        except (KeyError, TypeError, ValueError, OverflowError):
            return ["Некорректная структура документа"]

    async def _status(self, request: web.Request) -> web.Response:
        if not self._is_let_in(request):
            return web.Response(status=401)
        entry = self.entry(request.match_info["id"])
        inn, kind = request.match_info["inn"], request.match_info["kind"]
        if (
            entry is None
            or inn != self.organisation.inn
            or kind != orange_tags.kind(entry.told.request)
        ):
            return _errors(f"Документ {request.match_info['id']} не найден")
        if entry.document is not None:
            body = _json(self._done(entry.document))
            return web.Response(body=body, content_type="application/json")
        match entry.ended:
            case Fault.EXPIRE:
                return web.Response(status=524)
            case Fault.FAIL:
                failed = {"position": 0, "checkResult": {"checkResult": 1, "fsCheckStatus": 1}}
                return web.json_response({"errors": [failed]}, status=422)
            case _:
                return web.Response(status=202)

    def _done(self, document: Document) -> dict[str, Any]:
        told = document.told
        names = {"ofdWebsite": "odfWebsite", "ofdinn": "ofdINN"}
        spelled = names if self.organisation.spelling == "table" else {}
        body = {
            "id": told.id,
            "deviceSN": SN,
            "deviceRN": RN,
            "fsNumber": document.fn,
            "ofdName": "ОФД (эмулятор)",
            "ofdWebsite": "ofd.example",
            "ofdinn": OFD_INN,
            "fnsWebsite": "www.nalog.ru",
            "companyINN": self.organisation.inn,
            "companyName": "Организация (эмулятор)",
            "documentNumber": document.fd,
            "shiftNumber": document.shift,
            "documentIndex": document.number_in_shift,
            "processedAt": document.at.strftime("%Y-%m-%dT%H:%M:%S"),
            "content": told.request["content"],
            "change": _change(told),
            "fp": f"{document.fp:010d}",
            "callbackUrl": told.request.get("callbackUrl"),
            "meta": told.request.get("meta"),
        }
        return {spelled.get(name, name): value for name, value in body.items()}

    async def _devices(self, request: web.Request) -> web.Response:
        if not self._is_let_in(request):
            return web.Response(status=401)
        if request.match_info["inn"] != self.organisation.inn:
            return _errors(f"Организация с ИНН {request.match_info['inn']} не найдена")
        since = self.unsent_since
        device = {
            "deviceSN": SN,
            "fsNumber": self.drive.fn,
            "ofdName": "ОФД (эмулятор)",
            "ofdAddress": "ofd.example:7777",
            "unsentDocumentsCount": self.unsent,
            "firstUnsentDocumentDate": f"{since}T12:00:00" if since else None,
            "fsDocumentsCount": len(self.drive.documents()),
            "fsExpirationDate": f"{self.drive_until}T00:00:00",
        }
        has_one = request.match_info["group"] in self.organisation.groups
        return web.json_response({"devices": [device] if has_one else []})

    async def _buyer(self, request: web.Request) -> web.Response:
        """The page that depends on our own id alone: it is there before the receipt is."""
        entry = self.entry(request.match_info["id"])
        if entry is None or request.match_info["inn"] != self.organisation.inn:
            return document_page(None)
        if entry.document is None:
            return web.Response(text="Чек обрабатывается · The receipt is being made")
        return document_page(entry.document)


def _errors(*texts: str) -> web.Response:
    return web.json_response({"errors": texts}, status=400)


def _busy(wait_s: int) -> web.Response:
    full = {"errors": ["Очередь документов переполнена"]}
    return web.json_response(full, status=503, headers={"Retry-After": str(wait_s)})


_ANSWERS: Final = {
    Fault.REFUSE: lambda: _errors("Недопустимое значение поля 'Text'"),
    Fault.AUTH: lambda: web.Response(status=401),
    Fault.BUSY: lambda: _busy(1),
    Fault.NO_REGISTER: lambda: _errors("В группе 'Group' нет устройств"),
}


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def _change(told: Told) -> float:
    """What is given back of cash."""
    close = told.request["content"].get("checkClose", {"payments": ()})
    paid: int = sum(round(each["amount"] * 100) for each in close["payments"])
    return max(0, paid - told.total) / 100


# The command line. -------------------------------------------------------------------------------


def add(parser: argparse.ArgumentParser) -> None:
    """This emulator's own options."""
    parser.add_argument("--inn", default=INN, metavar="INN", help="default: %(default)s")
    parser.add_argument("--key", default="", metavar="NAME", help="of the key; default: the INN")
    parser.add_argument(
        "--keys",
        type=Path,
        default=Path("orange-keys"),
        metavar="DIR",
        help="certificates and keys, made if there is no such folder; default: %(default)s",
    )
    parser.add_argument("--plain", action="store_true", help="HTTP, no certificates")
    parser.add_argument(
        "--registers", type=_count, metavar="N", help="of one receipt a second each; else no limit"
    )
    parser.add_argument(
        "--queue", type=_count, default=QUEUE, metavar="N", help="how many may wait for them"
    )
    parser.add_argument(
        "--expire",
        type=float,
        default=QUEUE_S,
        metavar="S",
        help="what has waited so long is dropped; default: 30 days",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; expected 1 or more")
    return int(text)


def opened(arguments: argparse.Namespace, drive: Drive) -> tuple[OrangeData, Sequence[str]]:
    """The emulator, and the settings of a register that uses it.

    Raises:
        ConfigError: the keys' folder lacks something.
    """
    host = arguments.listen.rpartition(":")[0].strip("[]")
    made = keys.opened(arguments.keys.absolute(), datetime.now(UTC), host or keys.LOOPBACK[0])
    organisation = Organisation(
        inn=arguments.inn,
        public_key=made.signing(),
        key=arguments.key,
        certificate=None if arguments.plain else made.client(),
        registers=arguments.registers,
        queue=arguments.queue,
        queue_s=arguments.expire,
    )
    emulator = OrangeData(organisation, drive, arguments.delay)
    told = {"provider": "orange", "url": url_of(arguments.listen), "inn": arguments.inn}
    if arguments.key:
        told["key"] = arguments.key
    told["signing_key"] = made.file("signing.key")
    if not arguments.plain:
        emulator.tls = made.context()
        told |= {
            "url": url_of(arguments.listen, scheme="https"),
            "ca": made.file("ca.crt"),
            "certificate": made.file("client.crt"),
            "certificate_key": made.file("client.key"),
        }
    told["page_url"] = told["url"]
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
    account = {name: value for name, value in told.items() if name != "provider"}
    return emulator, [*lines, register_add("orange", account)]
