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

from edge.checks import Finding, as_words
from edge.wire.settings import SYSTEM, Broker

NAME: Final = "certificate"
SOON_DAYS: Final = 30
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for."""
ROUNDS: Final = 8
"""Turns of a handshake; four are enough for any version."""
RENEW: Final = "make a new one where the authority is: certificates.sh machine {machine}"


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
        how = "by name and password" if broker.username else "without proving who it is"
        return Finding(NAME, "skipped", f"none is configured; the machine connects {how}")
    wrong = [each for each in broker.unreadable() if "password_file" not in each]
    if wrong:
        return unreadable(wrong[0])
    try:
        seen = look(broker.certificate, broker.key, broker.ca)
    except ssl.SSLError as error:
        return judge_unusable(broker, error)
    except OSError as error:
        return Finding(NAME, "fail", as_words(error), RENEW.format(machine=machine))
    return judge(seen, machine, now)


def unreadable(problem: str) -> Finding:
    """A file that is not there, or not for this user."""
    advice = "copy it there; certificates.sh machine ID made it"
    if "cannot be read" in problem:
        advice = "run this as root: sudo …"
    elif "/run/credentials/" in problem:
        advice = (
            "systemd lays it there while the service runs; is the file it is copied from in"
            " /etc/chekomat, and does LoadCredential= name it?"
        )
    return Finding(NAME, "fail", problem, advice)


def judge_unusable(broker: Broker, error: ssl.SSLError) -> Finding:
    """Certificate and key that cannot even be loaded, or an authority that cannot."""
    told = str(error)
    if "KEY_VALUES_MISMATCH" in told:
        return Finding(
            NAME,
            "fail",
            f"{broker.key} is not the key of {broker.certificate}",
            "copy both again, from the same machine's pair",
        )
    return Finding(
        NAME,
        "fail",
        f"{broker.certificate}, {broker.key} or {broker.ca} is no PEM file that can be used: {told}",
        "copy all three again",
    )


def judge(seen: Certificate, machine: str, now: datetime) -> Finding:
    """Whether a broker takes it, today and soon."""
    renew = RENEW.format(machine=machine)
    told = f"{seen.name}, until {seen.ends:%Y-%m-%d}"
    if seen.name != machine:
        return Finding(
            NAME,
            "fail",
            f"it is {seen.name}'s, and this machine is {machine}",
            f"a machine is who its certificate says: {renew}; or set machine = {seen.name!r}",
        )
    if now < seen.starts:
        return Finding(
            NAME,
            "fail",
            f"{told}: it begins {seen.starts:%Y-%m-%d %H:%M}, and the clock says {now:%Y-%m-%d %H:%M}",
            "the clock is behind: see the check `clock`",
        )
    if now > seen.ends:
        return Finding(NAME, "fail", f"{told}: it has ended", f"{renew}; or is the clock ahead?")
    if seen.objection:
        return Finding(
            NAME,
            "fail",
            f"{told}: this authority refuses it: {seen.objection}",
            "ca.crt and mqtt.crt have to come from the same authority; copy both again",
        )
    left = (seen.ends - now).days
    if left < SOON_DAYS:
        return Finding(NAME, "warn", f"{told}: {left} days are left", renew)
    if seen.open_key:
        return Finding(
            NAME, "warn", f"{told}; others may read its key", "chmod 600 it, and give it to root"
        )
    return Finding(NAME, "ok", f"{told}, {left} days are left")


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
