"""Registers: a wrong setting is refused with its place and its reason, whoever the provider is."""

from pathlib import Path
from typing import Any, get_args, get_type_hints

import aiohttp
import msgspec
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from parts import ROOT
from till import INN, a_server

from cloud.books.needed import NEEDED
from cloud.errors import ConfigError
from cloud.fleet import Register
from cloud.registers import KINDS, account_of, opened

REMOTE = "https://register.example"


def its_settings(folder: Path) -> dict[str, dict[str, Any]]:
    """What each provider needs, its secrets in files of this folder."""
    word = folder / "word.secret"
    word.write_text("tell nobody", "utf-8")
    return {
        "cloudkassir": {"public_id": "demo", "secret_file": str(word)},
        "atol": {
            "protocol": "v4",
            "login": "demo",
            "password_file": str(word),
            "group": "vending",
            "email": "checks@coffee.example",
        },
        "ferma": {"login": "demo", "password_file": str(word)},
        "komtet": {"shop_id": "1", "secret_file": str(word), "queue": 7},
    }


def a_register(provider: str, settings: dict[str, Any]) -> Register:
    return Register(id="main", operator="coffee", provider=provider, settings=settings)  # type: ignore[arg-type]


@pytest.fixture
async def http() -> Any:  # noqa: ANN401, an asynchronous generator
    async with aiohttp.ClientSession() as session:
        yield session


def test_there_is_a_way_to_open_every_provider_that_a_register_may_name() -> None:
    named = get_args(get_type_hints(Register)["provider"])
    assert set(KINDS) == set(named)


@pytest.mark.parametrize("provider", KINDS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"nonsense": 1}, {"url": 5}, {"rate_per_s": "fast"}, {"poll_s": [-1]}],
    ids=str,
)
def test_settings_that_are_missing_unknown_or_wrong_are_refused_by_name(
    provider: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=r"^register main: "):
        account_of(a_register(provider, settings))


@pytest.mark.parametrize("provider", ["cloudkassir", "atol", "ferma", "komtet"])
async def test_a_register_is_opened_from_its_settings(
    tmp_path: Path, http: aiohttp.ClientSession, provider: str
) -> None:
    told = its_settings(tmp_path)[provider]
    it = opened(a_register(provider, {**told, "url": REMOTE, "rate_per_s": 2.5}), http)
    assert (it.register.id, it.account.url, it.account.rate_per_s) == ("main", REMOTE, 2.5)
    assert it.provider.memory_s >= 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://register.example", "receipts and secrets travel over https"),
        ("http://127.0.0.1.example", "receipts and secrets travel over https"),
        ("http://[", r"url http://\[: "),
        ("", None),
    ],
)
def test_an_address_that_is_none_or_in_the_clear_is_refused(
    tmp_path: Path, url: str, why: str | None
) -> None:
    told = its_settings(tmp_path)["cloudkassir"]
    if why is None:
        account_of(a_register("cloudkassir", {**told}))
        return
    with pytest.raises(ConfigError, match=f"^register main: .*{why}"):
        account_of(a_register("cloudkassir", {**told, "url": url}))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost", "http://[::1]:80/x"])
def test_plain_http_is_for_loopback(tmp_path: Path, url: str) -> None:
    told = its_settings(tmp_path)["cloudkassir"]
    assert account_of(a_register("cloudkassir", {**told, "url": url})).url == url


@pytest.mark.parametrize("provider", ["cloudkassir", "atol", "ferma", "komtet"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"], ids=["no file", "nothing", "?"])
async def test_a_secret_that_cannot_be_read_is_refused_with_its_file(
    tmp_path: Path, http: aiohttp.ClientSession, provider: str, content: bytes | None
) -> None:
    told = its_settings(tmp_path)[provider]
    file = tmp_path / "other.secret"
    if content is not None:
        file.write_bytes(content)
    (key,) = [name for name in told if name.endswith("_file")]
    with pytest.raises(ConfigError, match=f"^register main: .*{key}"):
        opened(a_register(provider, {**told, key: str(file)}), http)


@pytest.mark.parametrize("key", ["signing_key", "certificate"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"-----BEGIN"], ids=str)
async def test_keys_and_certificates_that_are_none_are_refused(
    tmp_path: Path, http: aiohttp.ClientSession, key: str, content: bytes | None
) -> None:
    good = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (tmp_path / "good").write_bytes(good)
    if content is not None:
        (tmp_path / "bad").write_bytes(content)
    files = {"signing_key": str(tmp_path / "good"), key: str(tmp_path / "bad")}
    files["url"] = "http://127.0.0.1:1"
    with pytest.raises(ConfigError, match=f"^register main: .*{key}"):
        opened(a_register("orange", {"inn": INN, **files}), http)


@pytest.mark.parametrize("url", ["https://localhost:99999", "https:///path", "https://:80"])
def test_an_address_that_nobody_can_be_reached_at_is_refused(tmp_path: Path, url: str) -> None:
    told = its_settings(tmp_path)["cloudkassir"]
    with pytest.raises(ConfigError, match=f"^register main: url {url}: "):
        account_of(a_register("cloudkassir", {**told, "url": url}))


async def test_whatever_keeps_an_account_from_being_opened_is_said_in_words(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """A zero byte in a file's name: the library raises ValueError, and no error of a file."""
    told = its_settings(tmp_path)["cloudkassir"]
    with pytest.raises(ConfigError, match=r"^register main: its account cannot be opened: .*: "):
        opened(a_register("cloudkassir", {**told, "secret_file": "a\0b"}), http)


def test_what_is_needed_is_what_the_settings_need() -> None:
    for provider, (settings, _) in KINDS.items():
        needed = {each.name for each in msgspec.structs.fields(settings) if each.required}
        assert needed == set(NEEDED[provider])


def test_a_missing_key_is_said_with_what_it_is() -> None:
    with pytest.raises(ConfigError) as error:
        account_of(a_register("orange", {"signing_key": "x"}))
    assert str(error.value) == (
        "register main: provider orange needs `inn`: INN of the account's owner;"
        " see cloud/providers/README.md"
    )


@pytest.mark.parametrize(("protocol", "ffd"), [("v4", "1.05"), ("v5", "1.2")])
def test_the_format_follows_from_the_protocol(tmp_path: Path, protocol: str, ffd: str) -> None:
    told = its_settings(tmp_path)["atol"]
    assert account_of(a_register("atol", {**told, "protocol": protocol})).ffd == ffd


def test_a_word_that_is_none_of_a_keys_is_answered_by_those(tmp_path: Path) -> None:
    told = its_settings(tmp_path)["atol"]
    with pytest.raises(ConfigError, match="protocol: expected one of v4, v5, found '5'"):
        account_of(a_register("atol", {**told, "protocol": "5"}))


@pytest.mark.parametrize("provider", KINDS)
def test_every_key_of_a_provider_stands_in_the_operators_page(provider: str) -> None:
    page = (ROOT / "cloud/providers/README.md").read_text("utf-8")
    shared = page.partition("### Every provider")[2].partition("\n### ")[0]
    (own,) = [each for each in page.split("\n### ") if f"`{provider}`\n" in each.partition("|")[0]]
    for field in msgspec.structs.fields(KINDS[provider][0]):
        rows = [
            line for line in (shared + own).splitlines() if line.startswith(f"| `{field.name}` |")
        ]
        assert len(rows) == 1, field.name
        assert rows[0].endswith("**needed** |") is field.required, field.name


@pytest.mark.parametrize("provider", ["cloudkassir", "atol", "ferma", "komtet"])
@pytest.mark.parametrize(
    ("status", "body"), [(404, b""), (404, b"<html>"), (200, b"<!doctype html>"), (302, b"<html>")]
)
async def test_an_address_with_no_api_behind_it_is_bad_and_asks_for_the_path(
    tmp_path: Path, http: aiohttp.ClientSession, provider: str, status: int, body: bytes
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    async with a_server(answer) as url:
        told = {**its_settings(tmp_path)[provider], "url": url}
        found = await opened(a_register(provider, told), http).provider.check()
    (bad,) = [each for each in found if each.level == "bad"]
    assert bad.text.endswith(": is the path in `url` right?")
