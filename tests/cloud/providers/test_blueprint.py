"""The blueprint is a provider that works: copy this file with it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from parts import ROOT
from till import KEY, RECEIPT, Hook, Till, a_hook, a_server, a_till, an_attempt, settled

from cloud.emulators._blueprint import Blueprint as Emulator
from cloud.emulators.drive import Drive
from cloud.errors import ConfigError
from cloud.outcome import Accepted, Dead, Done, Outcome, Pause, Unknown, Unsent
from cloud.providers import Attempt, Finding, Notice, Provider
from cloud.providers._blueprint import Blueprint, Settings


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with a_hook() as running:
        yield running


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    async with a_till(Emulator("token", Drive(None))) as running:
        yield running


def a_client(till: Till, folder: Path, callback: str | None = None) -> Provider:
    """The protocol is what is asked for: mypy holds the blueprint against it."""
    return client_of(till.http, till.url, folder, callback)


def client_of(
    http: aiohttp.ClientSession, url: str, folder: Path, callback: str | None = None
) -> Provider:
    file = folder / "token"
    if not file.exists():
        file.write_text("token\n", "utf-8")
    return Blueprint(http, Settings(url=url, token_file=str(file), callback=callback))


def test_what_the_readme_points_at_is_there() -> None:
    file = ROOT / "cloud/providers/README.md"
    links = re.findall(r"\]\(([^)#]+)\)", file.read_text("utf-8"))
    assert len(links) > 5
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    settings = Settings(token_file=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"^token_file: .*none"):
        Blueprint(None, settings)  # type: ignore[arg-type]


async def test_a_receipt_is_made_with_its_tags(till: Till, tmp_path: Path) -> None:
    provider = a_client(till, tmp_path)
    done = await settled(provider, an_attempt(provider))
    (document,) = await till.ledger()
    assert isinstance(done, Done)
    assert (done.document.qr, document["key"]) == (document["qr"], KEY)
    tags = document["tags"]
    assert (tags["1036"], tags["1009"]) == (RECEIPT.machine, RECEIPT.address)
    assert (tags["1187"], tags["1081"]) == (RECEIPT.place, "120.10")


# One row for each row of the outcome table that the provider can tell.
ROWS: dict[str, tuple[type[Outcome], type[Outcome]]] = {
    "drop_before_store": (Unknown, Unsent),
    "drop_after_store": (Unknown, Done),
    "5xx": (Unknown, Unsent),
    "5xx_after_store": (Unknown, Done),
    "nonsense": (Unknown, Done),
    "refuse": (Dead, Unsent),
    "auth": (Unsent, Unsent),
    "busy": (Unsent, Unsent),
    "no_register": (Unsent, Unsent),
    "expire": (Accepted, Dead),
    "fail": (Accepted, Dead),
}


@pytest.mark.parametrize("fault", ROWS)
async def test_each_row_of_the_outcome_table(till: Till, tmp_path: Path, fault: str) -> None:
    provider = a_client(till, tmp_path)
    attempt = an_attempt(provider)
    submitted, then = ROWS[fault]
    await till.fault(fault)
    assert isinstance(await provider.submit(attempt), submitted)
    while isinstance(asked := await provider.ask(attempt), Accepted):
        pass
    assert isinstance(asked, then)
    assert getattr(asked, "again", False) is (fault == "expire")
    # Whatever it was, the same key once more makes no second document.
    if then is not Dead:
        assert isinstance(await settled(provider, attempt), Done)
        assert await till.keys() == [KEY]


async def test_what_was_accepted_and_is_gone_is_unknown(till: Till, tmp_path: Path) -> None:
    provider = a_client(till, tmp_path)
    await till.fault("lose")
    assert isinstance(await settled(provider, an_attempt(provider)), Unknown)


async def test_a_register_at_fault_says_why_it_pauses(till: Till, tmp_path: Path) -> None:
    provider = a_client(till, tmp_path)
    pauses = []
    for fault in ("auth", "no_register", "busy"):
        await till.fault(fault)
        told = await provider.submit(an_attempt(provider))
        assert isinstance(told, Unsent)
        pauses.append((told.pause, told.retry_after_s))
    assert pauses == [(Pause.AUTH, None), (Pause.NO_REGISTER, None), (None, 1.0)]


async def test_a_push_without_a_signature_only_hints(
    till: Till, tmp_path: Path, hook: Hook
) -> None:
    provider = a_client(till, tmp_path, callback=hook.url)
    await settled(provider, an_attempt(provider))
    assert await hook.notice(provider) == Notice(KEY, None)
    assert provider.notice(b"[]", {}) is None


async def test_a_check_tells_good_from_bad(till: Till, tmp_path: Path) -> None:
    provider = a_client(till, tmp_path)
    assert [each.level for each in await provider.check()] == ["good", "good"]
    await till.control({"drive": 0})
    full = Finding("warning", "register 1: the drive is 100% full")
    assert (await provider.check())[1] == full
    (tmp_path / "token").write_text("another", "utf-8")
    (bad,) = await a_client(till, tmp_path).check()
    assert bad == Finding("bad", "401: the provider does not know the token")


@asynccontextmanager
async def answering(folder: Path, status: int, body: str) -> AsyncIterator[Provider]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    async with a_server(answer) as url, aiohttp.ClientSession() as http:
        yield client_of(http, url, folder)


ODD = ["", "[]", "1", "{}", '{"state":"done"}', '{"code":"never heard of"}', "[" * 100_000]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("status", [200, 302, 400, 503])
async def test_an_odd_answer_is_never_taken_for_a_yes_or_a_no(
    tmp_path: Path, status: int, body: str
) -> None:
    questions: list[Callable[[Provider, Attempt], Awaitable[Outcome]]] = [
        lambda provider, attempt: provider.submit(attempt),
        lambda provider, attempt: provider.ask(replace(attempt, provider_id=attempt.key)),
    ]
    async with answering(tmp_path, status, body) as provider:
        attempt = an_attempt(provider)
        submitted, asked = [await question(provider, attempt) for question in questions]
        assert await provider.check()
    assert isinstance(submitted, Unknown)
    assert isinstance(asked, Unknown | Unsent)
