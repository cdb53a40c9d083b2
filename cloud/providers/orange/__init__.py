"""Orange Data, protocol 2.31: `/api/v2`, FFD 1.05 and 1.2, groups of registers for vending.

Authority: a client certificate on every request, and `X-Signature` over the very bytes of every
POST. The key is `id`, unique in the organisation for ever: 409 says that it is known, and what
became of it can be asked by it. A 524 frees the key: it is believed where it is surely the
provider's own, and said twice.

Assumed, as no source tells: the words in which the signature, the key or the group is refused;
where `callbackApiKey` stands in a push (any header, or the body, will do); `tax` 11 and `tax11Sum`
for 22 % (`vat_codes` says otherwise); «б/н» as the number (1179) of a correction of one's own.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from cloud.calling import Answer, Line, object_in, tls
from cloud.clock import utc_now
from cloud.outcome import Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.providers import PATH_ASKED, Attempt, BadSignatureError, Finding, Notice, astray
from cloud.providers.orange.answers import NO_ACCESS, asked, folded, is_unknown, submitted
from cloud.providers.orange.document import GROUPS, address, document
from cloud.providers.orange.registers import findings, term
from cloud.providers.orange.settings import Settings, certificate, rsa_key, secret
from cloud.receipt import Receipt

__all__ = ["OrangeData", "Settings"]


class OrangeData:
    """One organisation's group of registers at Orange Data."""

    memory_s = 30 * 86_400.0
    """So long a request waits for a register; the id itself is unique for ever."""
    by_key = True
    knows_repeats = True
    """Not by itself: no source tells whether 400 comes before 409. So `submit` asks for the id
    before it believes a refusal, and says Dead only where there is no such id."""

    def __init__(self, http: aiohttp.ClientSession, settings: Settings) -> None:
        """Read the keys.

        Raises:
            ConfigError: a file cannot be read, or holds no key or certificate; it names the key.
        """
        self._settings = settings
        self._signing_key = rsa_key("signing_key", settings.signing_key)
        self._callback_key = secret("callback_api_key_file", settings.callback_api_key_file)
        self._certificate = certificate("certificate", settings.certificate)
        context = tls(settings.ca, settings.certificate, settings.certificate_key)
        self._line = Line(http, settings.url, settings.timeout_s, context)

    def compose(self, receipt: Receipt, key: str) -> str:
        """The document; it is signed when it is sent."""
        return document(self._settings, self._callback_key, receipt, key)

    async def submit(self, attempt: Attempt) -> Outcome:
        """POST the document, signed as it is stored."""
        raw = attempt.body.encode()
        signature = self._signing_key.sign(raw, padding.PKCS1v15(), hashes.SHA256())
        headers = {"X-Signature": base64.b64encode(signature).decode()}
        answer = await self._line.post(address(attempt.body), raw, headers)
        if not isinstance(answer, Answer):
            return answer
        match submitted(answer, attempt):
            case (Dead() | Unsent(pause=Pause.NO_REGISTER)) as refused:
                # The second, said again while others are taken, counts as the first.
                return await self._upheld(refused, attempt)
            case outcome:
                return outcome

    async def ask(self, attempt: Attempt) -> Outcome:
        """What the status says, with the page that buyers may open."""
        answer = await self._status(attempt)
        if not isinstance(answer, Answer):
            return Unsent(f"asking failed: {answer.reason}")
        return await self._became(answer, attempt)

    async def _became(self, answer: Answer, attempt: Attempt) -> Outcome:
        """What a status says. A gateway has a 524 too: what frees the key has to be said twice."""
        outcome = self._told(answer, attempt)
        if not isinstance(outcome, Dead) or not outcome.again:
            return outcome
        again = await self._status(attempt)
        if not isinstance(again, Answer):
            return Unsent(f"asking failed: {again.reason}")
        return self._told(again, attempt)

    def _told(self, answer: Answer, attempt: Attempt) -> Outcome:
        outcome = asked(answer, attempt)
        if not isinstance(outcome, Done) or not self._settings.page:
            return outcome
        inn, key = _place(attempt)
        link = f"{self._settings.page_url.rstrip('/')}/{inn}/{key}"
        return Done(outcome.document, outcome.provider_id, link)

    async def _upheld(self, refused: Dead | Unsent, attempt: Attempt) -> Outcome:
        """A refusal says nothing of an earlier request whose answer was lost: is the id known?"""
        answer = await self._status(attempt)
        if isinstance(answer, Answer):
            if is_unknown(answer):
                return refused
            found = await self._became(answer, attempt)
            if not isinstance(found, Unsent):
                return found
        return Unknown(f"{refused.reason}; whether it was taken earlier could not be asked")

    async def _status(self, attempt: Attempt) -> Answer | Unsent | Unknown:
        """GET `…/{inn}/status/{id}`, below the address that the document was posted to."""
        inn, key = _place(attempt)
        return await self._line.get(f"{address(attempt.body)}{inn}/status/{key}")

    def notice(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """A push is not signed: it says which receipt to ask about."""
        told = folded(object_in(body))
        if self._callback_key is not None:
            said = [*headers.values(), str(told.get("callbackapikey"))]
            said += [each.partition(" ")[2] for each in said]  # a header may name a scheme first
            if not any(_same(each, self._callback_key) for each in said):
                raise BadSignatureError
        key = told.get("id")
        return Notice(key, None) if isinstance(key, str) and key else None

    async def check(self) -> Sequence[Finding]:
        """The days of the client certificate, then the group's registers."""
        settings, today = self._settings, utc_now().date()
        found: list[Finding] = []
        if self._certificate is not None:
            until = self._certificate.not_valid_after_utc.date()
            found.append(term("the client certificate", until, today))
        group = settings.group or GROUPS[settings.ffd]
        answer = await self._line.get(
            f"/api/v2/devices/status/{settings.inn}/{quote(group, safe='')}"
        )
        if not isinstance(answer, Answer):
            return [*found, Finding("bad", answer.reason)]
        if answer.status == NO_ACCESS:
            return [*found, Finding("bad", "401: the client certificate is not accepted")]
        devices = folded(answer.object()).get("devices")
        if isinstance(devices, list):
            return [*found, *findings(group, devices, today)]
        text = f"the registers cannot be looked at: {answer.status}, {answer.quoted}"
        if astray(answer):
            text = f"{text}: {PATH_ASKED}"
        return [*found, Finding("bad", text)]


def _place(attempt: Attempt) -> tuple[str, str]:
    """INN and id, as they stand in an address."""
    told = object_in(attempt.body.encode()) or {}
    return quote(str(told.get("inn")), safe=""), quote(attempt.key, safe="")


def _same(told: str, secret: str) -> bool:
    return hmac.compare_digest(told.encode("utf-8", "replace"), secret.encode())
