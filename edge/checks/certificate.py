"""The certificate: whose it is, until when, with which key, and signed by whom.

Python reads only certificates that a handshake has brought. So two ends in memory shake hands: one
shows the certificate, the other trusts that very certificate, at any time, and tells what it says;
then once more with the authority's, as a broker would.
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from edge.checks import Finding, as_is, as_words, both
from edge.checks.credentials import in_words
from edge.technician.words import Text
from edge.wire.settings import SYSTEM, Broker

NAME: Final = "certificate"
SOON_DAYS: Final = 30
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for."""
ROUNDS: Final = 8
"""Turns of a handshake; four are enough for any version."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says. `objection` is why a broker with this authority refuses it."""

    name: str
    starts: datetime
    ends: datetime
    objection: str = ""
    open_key: bool = False
    """Others may read the key."""


def check(broker: Broker, machine: str, now: datetime) -> Finding:
    """The machine's certificate, as the broker would see it."""
    if broker.certificate is None or broker.key is None:
        how = (
            both("по имени и паролю", "by name and password")
            if broker.username
            else both("без доказательства, кто он", "without proving who it is")
        )
        none = both(
            "не задан; автомат входит {how}",
            "none is configured; the machine connects {how}",
            how=how,
        )
        return Finding(NAME, "skipped", none)
    wrong = [each for each in broker.unreadable() if "password_file" not in each]
    if wrong:
        return unreadable(wrong[0])
    try:
        seen = look(broker.certificate, broker.key, broker.ca)
    except ssl.SSLError as error:
        return judge_unusable(broker, error)
    except OSError as error:
        return Finding(NAME, "fail", as_is(as_words(error)), renew(machine))
    return judge(seen, machine, now)


def renew(machine: str) -> Text:
    """How to get another."""
    return both(
        "выпустите новый там, где центр сертификации: certificates.sh machine {machine}",
        "make a new one where the authority is: certificates.sh machine {machine}",
        machine=machine,
    )


def unreadable(problem: str) -> Finding:
    """A file that is not there, or not for this user."""
    advice = both(
        "скопируйте его туда; его сделал certificates.sh machine ID",
        "copy it there; certificates.sh machine ID made it",
    )
    if "cannot be read" in problem:
        advice = both("запустите от root: sudo …", "run this as root: sudo …")
    elif "/run/credentials/" in problem:
        advice = both(
            "его кладёт туда systemd, пока работает служба; лежит ли файл, с которого он копируется,"
            " в /etc/chekomat, и назван ли он в LoadCredential=?",
            "systemd lays it there while the service runs; is the file it is copied from in"
            " /etc/chekomat, and does LoadCredential= name it?",
        )
    return Finding(NAME, "fail", in_words(problem), advice)


def judge_unusable(broker: Broker, error: ssl.SSLError) -> Finding:
    """Certificate and key that cannot even be loaded, or an authority that cannot."""
    told = str(error)
    if "KEY_VALUES_MISMATCH" in told:
        return Finding(
            NAME,
            "fail",
            both(
                "{key}: ключ не от {certificate}",
                "{key} is not the key of {certificate}",
                key=broker.key,
                certificate=broker.certificate,
            ),
            both(
                "скопируйте оба заново, из одной пары одного автомата",
                "copy both again, from the same machine's pair",
            ),
        )
    return Finding(
        NAME,
        "fail",
        both(
            "{certificate}, {key} или {ca}: не годный файл PEM: {told}",
            "{certificate}, {key} or {ca} is no PEM file that can be used: {told}",
            certificate=broker.certificate,
            key=broker.key,
            ca=broker.ca,
            told=told,
        ),
        both("скопируйте все три заново", "copy all three again"),
    )


def judge(seen: Certificate, machine: str, now: datetime) -> Finding:
    """Whether a broker takes it, today and soon."""
    told = both(
        "{name}, до {ends:%Y-%m-%d}",
        "{name}, until {ends:%Y-%m-%d}",
        name=seen.name,
        ends=seen.ends,
    )
    if seen.name != machine:
        return Finding(
            NAME,
            "fail",
            both(
                "он выдан для {name}, а этот автомат {machine}",
                "it is {name}'s, and this machine is {machine}",
                name=seen.name,
                machine=machine,
            ),
            both(
                'автомат тот, кто назван в сертификате: {renew}; или задайте machine = "{name}"',
                'a machine is who its certificate says: {renew}; or set machine = "{name}"',
                renew=renew(machine),
                name=seen.name,
            ),
        )
    if now < seen.starts:
        return Finding(
            NAME,
            "fail",
            both(
                "{told}: действует с {starts:%Y-%m-%d %H:%M}, а на часах {now:%Y-%m-%d %H:%M}",
                "{told}: it begins {starts:%Y-%m-%d %H:%M}, and the clock says {now:%Y-%m-%d %H:%M}",
                told=told,
                starts=seen.starts,
                now=now,
            ),
            both("часы отстают: см. проверку «часы»", "the clock is behind: see the check `clock`"),
        )
    if now > seen.ends:
        return Finding(
            NAME,
            "fail",
            both("{told}: истёк", "{told}: it has ended", told=told),
            both(
                "{renew}; или спешат часы?", "{renew}; or is the clock ahead?", renew=renew(machine)
            ),
        )
    if seen.objection:
        return Finding(
            NAME,
            "fail",
            both(
                "{told}: этот центр его не признаёт: {objection}",
                "{told}: this authority refuses it: {objection}",
                told=told,
                objection=seen.objection,
            ),
            both(
                "ca.crt и mqtt.crt должны быть от одного центра; скопируйте оба заново",
                "ca.crt and mqtt.crt have to come from the same authority; copy both again",
            ),
        )
    days = (seen.ends - now).days
    left = both(
        "{told}, осталось дней: {days}", "{told}, {days} days are left", told=told, days=days
    )
    if days < SOON_DAYS:
        return Finding(NAME, "warn", left, renew(machine))
    if seen.open_key:
        return Finding(
            NAME,
            "warn",
            both(
                "{told}; ключ могут прочитать другие", "{told}; others may read its key", told=told
            ),
            both("chmod 600, владелец root", "chmod 600 it, and give it to root"),
        )
    return Finding(NAME, "ok", left)


def look(certificate: str, key: str, ca: str | None) -> Certificate:
    """Read a certificate and try it against an authority's, now.

    Raises:
        OSError, ssl.SSLError: a file cannot be read, is no PEM, or the key is another's.
    """
    trusting = _asking(certificate)
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    said = _shown(certificate, key, trusting)
    return Certificate(
        name=next(
            (value for part in said["subject"] for name, value in part if name == "commonName"),
            "nobody",
        ),
        starts=_time(said["notBefore"]),
        ends=_time(said["notAfter"]),
        objection=_objection(certificate, key, ca),
        open_key=bool(Path(key).stat().st_mode & 0o044),
    )


def _objection(certificate: str, key: str, ca: str | None) -> str:
    """Why an authority refuses it. One of the system's signs brokers, and seldom machines."""
    if ca is None or ca == SYSTEM:
        return ""
    try:
        _shown(certificate, key, _asking(ca))
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return ""


def _asking(trusted: str) -> ssl.SSLContext:
    """A broker's side, which wants a certificate that `trusted` vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(trusted)
    return context


def _shown(certificate: str, key: str, asking: ssl.SSLContext) -> dict[str, Any]:
    """Shake hands in memory, both ends with the same pair; what the asking one was shown."""
    asking.load_cert_chain(certificate, key)
    showing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    showing.check_hostname = False
    showing.verify_mode = ssl.CERT_NONE  # its other end is ourselves
    showing.load_cert_chain(certificate, key)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    broker = asking.wrap_bio(up, down, server_side=True)
    machine = showing.wrap_bio(down, up)
    waiting = [machine, broker]
    for _ in range(ROUNDS):
        for each in tuple(waiting):
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(each)
    return broker.getpeercert() or {}


def _time(told: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(told), UTC)
