"""Whatever a provider answers is an outcome, and a receipt is done only with a whole document."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hostile.malice import garbage, tampered, texts, values, written
from hostile.providers import ANSWERS, Network, clients_in, is_sound
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds import KINDS
from till import KEY, RECEIPT

from cloud.outcome import Done
from cloud.providers import Attempt, Provider

Page = tuple[int, bytes, Mapping[str, str]]


@st.composite
def deeply_tampered(draw: st.DrawFn, honest: Mapping[str, Any]) -> bytes:
    """As `tampered`, on any level."""
    told: dict[str, Any] = json.loads(json.dumps(honest))
    inner = told
    while nested := [name for name, each in inner.items() if isinstance(each, dict)]:
        if draw(st.booleans()):
            break
        inner = inner[draw(st.sampled_from(nested))]
    for name in draw(st.sets(st.sampled_from(sorted(inner)), max_size=2)):
        inner[name] = draw(values)
    return draw(st.just(written(told)) | tampered(told))


headers = st.dictionaries(
    st.sampled_from(["Retry-After", "Content-Type", "Location", "Server"]),
    st.sampled_from(["", "0", "9" * 400, "-1", "1e9", "٣", "²", "nan", "inf", "Fri, 31 Dec 1999"])
    | texts,
    max_size=2,
)
STATUSES = [
    200,
    200,
    200,
    201,
    202,
    204,
    302,
    400,
    401,
    402,
    403,
    404,
    409,
    422,
    429,
    500,
    502,
    503,
    524,
    599,
    999,
    0,
]


def pages(kind: str) -> st.SearchStrategy[list[Page]]:
    body = st.sampled_from(ANSWERS[kind]).flatmap(deeply_tampered) | garbage
    page = st.tuples(st.sampled_from(STATUSES), body, headers)
    token: Page = (200, written(ANSWERS[kind][0]), {})
    whole = st.lists(page, min_size=1, max_size=4)
    return whole | whole.map(lambda rest: [token, *rest])


@cache
def client(kind: str, folder: Path) -> tuple[Network, Provider]:
    network = Network()
    return network, clients_in(folder, network)[kind]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clients")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, print_blob=True)
@given(told=st.data())
async def test_whatever_is_answered_is_an_outcome(
    kind: str, folder: Path, told: st.DataObject
) -> None:
    network, provider = client(kind, folder)
    body = provider.compose(RECEIPT, KEY)
    for attempt in (Attempt(KEY, body), Attempt(KEY, body, "7"), Attempt(KEY, body, "../\0ü?#")):
        network.answering(*told.draw(pages(kind)))
        is_sound(await provider.submit(attempt))
        network.answering(*told.draw(pages(kind)))
        is_sound(await provider.ask(attempt))
    network.answering(*told.draw(pages(kind)))
    for finding in await provider.check():
        assert finding.level in {"good", "warning", "bad"}
        assert finding.text.encode()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_document_that_is_whole_is_done(kind: str, folder: Path) -> None:
    """Or what stands above would say nothing."""
    network, provider = client(kind, folder)
    token = (200, written(ANSWERS[kind][0]), {})
    outcomes = []
    for lead in ([], [token], [(200, written({"Success": True, "Model": "Processed"}), {})]):
        for answer in ANSWERS[kind]:
            network.answering(*lead, (200, written(answer), {}))
            number = {"komtet": "7", "ferma": "r", "cloudkassir": "sc_1"}.get(kind, "u")
            outcomes.append(
                await provider.ask(Attempt(KEY, provider.compose(RECEIPT, KEY), number))
            )
    assert [each.document.qr[:13] for each in outcomes if isinstance(each, Done)]
