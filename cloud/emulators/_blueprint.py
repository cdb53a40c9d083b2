"""An emulator to copy, of the imaginary API in `cloud/providers/_blueprint.py`.

Say here what the real provider is known to do that this one does as well, and which of its answers
are your own choice because no source tells them.
"""

import argparse
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from cloud.emulators.drive import Drive, Told
from cloud.emulators.faults import Fault
from cloud.emulators.frame import Emulator, Entry
from cloud.emulators.pushing import Push

SIGNS: Final = {"income": 1, "income_return": 2, "income_correction": 1}
TAGS: Final = {
    "1018": "inn",
    "1036": "automat",
    "1009": "address",
    "1187": "place",
    "1030": "name",
    "1199": "vat",
    "1212": "subject",
    "1214": "method",
    "2000": "mark",
    "1011": "zone",
    "1125": "internet",
    "1192": "basis",
    "1178": "corrected",
}
# Every fault that is a refusal needs the provider's own words for it.
REFUSALS: Final[Mapping[Fault, tuple[int, Mapping[str, str]]]] = {
    Fault.REFUSE: (400, {"code": "bad_data", "text": "not as it should be"}),
    Fault.NO_REGISTER: (400, {"code": "no_register", "text": "no register for it"}),
    Fault.AUTH: (401, {"code": "token", "text": "who are you?"}),
    Fault.BUSY: (503, {"code": "busy", "text": "later"}),
}
ENDED: Final = {Fault.EXPIRE: "expired", Fault.FAIL: "failed"}


class Blueprint(Emulator):
    """The server."""

    # How long the provider remembers a key; after that a repetition is a second receipt.
    memory_s = float("inf")

    def __init__(self, token: str, drive: Drive, delay_s: float = 0.0) -> None:
        super().__init__(drive, delay_s)
        self._token = token

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.post("/receipts", self._receipt),
            web.get("/receipts/{key}", self._state),
            web.get("/registers", self._registers),
        ]

    def pushed(self, entry: Entry, *, spoiled: bool) -> Push | None:
        where = entry.told.request.get("callback")
        body = b"{}" if spoiled else b'{"id":"%s"}' % entry.told.key.encode()
        return Push(where, body, {"Content-Type": "application/json"}) if where else None

    async def _receipt(self, request: web.Request) -> web.StreamResponse:
        told = await request.json()

        async def take(fault: Fault | None) -> web.StreamResponse:
            if self._stranger(request):
                fault = Fault.AUTH
            if fault is not None and fault in REFUSALS:
                status, words = REFUSALS[fault]
                return web.json_response(words, status=status, headers={"Retry-After": "1"})
            if self.known(told["id"]) is not None:
                return web.Response(status=409)
            # Here the real one checks what it is sent; check as strictly, with its codes.
            await self.accept(_understood(told), fault)
            return web.Response(status=202)

        return await self.under_fault(request, take, lambda: web.Response(status=500))

    async def _state(self, request: web.Request) -> web.StreamResponse:
        entry = self.known(request.match_info["key"])
        if entry is None:
            return web.Response(status=404)
        document = entry.document
        if document is None:
            state = "queued" if entry.ended is None else ENDED[entry.ended]
            return web.json_response({"state": state})
        at = document.at.strftime("%Y-%m-%dT%H:%M:%S")
        numbers = {"fn": document.fn, "fd": document.fd, "fp": document.fp, "at": at}
        of_receipt = {"total": document.told.total, "sign": document.told.sign}
        return web.json_response({"state": "done", **numbers, **of_receipt})

    async def _registers(self, request: web.Request) -> web.StreamResponse:
        if self._stranger(request):
            return web.Response(status=401)
        full = 1.0 if self.drive.room == 0 else 0.03
        return web.json_response({"register 1": full})

    def _stranger(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") != f"Bearer {self._token}"


def _understood(told: Mapping[str, Any]) -> Told:
    """What the drive records: all the tags, the provider's own defaults with them."""
    tags = {tag: told[name] for tag, name in TAGS.items() if told.get(name) is not None}
    paid = {"1031": f"{told['cash'] / 100:.2f}", "1081": f"{told['cashless'] / 100:.2f}"}
    return Told(
        id=secrets.token_hex(8),
        key=told["id"],
        total=told["cash"] + told["cashless"],
        sign=SIGNS[told["type"]],
        tags={**tags, **paid},
        request=told,
        correction=told["type"] == "income_correction",
    )


def add(parser: argparse.ArgumentParser) -> None:
    """Options of this emulator, beside `--listen`, `--ledger` and `--delay`."""
    parser.add_argument("--token", metavar="TEXT", help="else one is made and told")


def opened(arguments: argparse.Namespace, drive: Drive) -> tuple[Blueprint, Sequence[str]]:
    """The emulator, and the lines that the operator needs to reach it."""
    token = arguments.token or secrets.token_hex(8)
    return Blueprint(token, drive, arguments.delay), [f"token {token}"]
