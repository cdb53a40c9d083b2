"""The story of a sale: found by its id, the beginning of it or its token; told as a whole."""

import msgspec
import pytest
from fate import LOST, REFUSED, issue, meet
from shop import a_document, a_sale, id_of, now_ms, sell, token_of

from cloud.desk.finding import NoSuchSaleError, find
from cloud.desk.orders import Requeue, decide
from cloud.desk.settled import By
from cloud.desk.showing import lines
from cloud.desk.story import story
from cloud.errors import DecisionError
from cloud.outcome import Done
from cloud.store import Store
from cloud.store.replies import keep_showing, told
from cloud.store.sites import Sites
from edge.wire import Shown, Tender

PAGE = "https://receipts.example/r/x"


async def text(store: Store, number: int = 1) -> str:
    async with store.reading() as connection:
        return "\n".join(lines(await story(connection, id_of(number)), PAGE, now_ms()))


@pytest.mark.parametrize(
    "name",
    [
        id_of(1),
        id_of(1).upper(),
        id_of(1)[:-1] + "1",
        f"{id_of(1)}-r2",
        token_of(1),
        f"https://receipts.example/r/{token_of(1)}",
        f"https://receipts.example/r/{token_of(1)}/",
    ],
)
async def test_a_sale_is_found_by_its_id_a_key_of_it_or_its_page(store: Store, name: str) -> None:
    await sell(store, a_sale(1), a_sale(2))
    async with store.reading() as connection:
        assert await find(connection, name) == id_of(1)


async def test_the_beginning_of_an_id_is_enough_while_no_other_begins_so(either: Store) -> None:
    other = a_sale(2, sale_id="11111111-7c1e-7b54-9d0e-000000000002")
    await sell(either, a_sale(1), other, a_sale(3))
    async with either.reading() as connection:
        assert await find(connection, "1111") == other.sale_id
        assert await find(connection, "11111111-7") == other.sale_id
        with pytest.raises(DecisionError, match=f"several .*: {id_of(1)}, {id_of(3)};"):
            await find(connection, "0193a5d2-7c1e")
        for nothing in ("2222", "", "x", "111111111", "11111111-7c1e-7b54-9d0e-000000000003"):
            with pytest.raises(NoSuchSaleError):
                await find(connection, nothing)


async def test_a_story_tells_what_the_machine_said_and_what_became_of_it(either: Store) -> None:
    tenders = (Tender(by="cash", amount=10), Tender(by="cashless-1", amount=12000))
    await sell(either, a_sale(tenders=tenders))
    await meet(either, REFUSED)
    await decide(either, Sites(), id_of(1), Requeue(product="tea"), By("anna", now_ms()))
    await meet(either, Done(a_document(5), "p-5", "https://ofd.example/5"), attempt=1)
    async with either.transaction() as connection:
        await told(connection, "vm-000123", id_of(1), 1)
        shown = Shown(
            sale_id=id_of(1),
            rev=2,
            on="screen",
            shown_at="2026-11-23T15:42:20Z",
            hidden_at="2026-11-23T15:43:05Z",
            reason="time",
            frame_sha256="0" * 64,
        )
        await keep_showing(connection, "vm-000123", shown)
    said = await text(either)
    for part in (
        "machine     vm-000123, epoch 7f3a9c1e seq 1",
        "sold at     2026-11-23T15:42:10.512Z, clock synced",
        "amount      120.10 RUB, paid, confirmed; cash 0.10, cashless-1 120.00",
        "answers     product tea",
        "receipt of income",
        "state       issued",
        "goods       Чай, 120.10, no VAT, FFD 1.05",
        f"key         {id_of(1)}-1",
        f"attempt     {id_of(1)} at main, sent ",
        f"dead: {REFUSED.reason}",
        "provider's number p-5, done",
        "document    fn 9999078900000001 fd 5 fp 3141592653",
        f"QR          {a_document(5).qr}",
        "link        https://ofd.example/5",
        "it has not confirmed revision 2; told 0 times",
        "on screen, 2026-11-23T15:42:20Z to 2026-11-23T15:43:05Z, revision 2: time",
        f"page        {PAGE}",
        "anna: receipt of income waiting: requeued anew",
    ):
        assert part in said, part
    assert said.index("lane: receipt of income attention") < said.index("anna: sale answered")


async def test_times_are_of_the_machines_zone_and_of_utc_where_nobody_knows_it(
    store: Store,
) -> None:
    await sell(store, a_sale(1), a_sale(2, machine="vm-9"), site=None)
    assert " +03:00, " in await text(store, 1)
    assert " UTC, " in await text(store, 2)
    assert "unknown machine vm-9" in await text(store, 2)


async def test_incidents_and_second_documents_stand_in_the_story(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    await meet(store, Done(a_document(9)))
    assert "incident: duplicate receipt: second document t=" in await text(store)


async def test_a_receipt_on_its_way_says_when_it_is_tried_next(store: Store) -> None:
    await sell(store, a_sale(1), a_sale(2))
    assert "next        as soon as its turn comes" in await text(store)
    await meet(store, LOST, 2)
    assert "next" not in await text(store, 2)


async def test_words_of_a_machine_do_not_move_the_cursor(store: Store) -> None:
    await sell(store, a_sale(item="\x1b[2J", sold_at="\rnow"))
    said = await text(store)
    assert "\x1b" not in said
    assert "\r" not in said


async def test_a_story_is_one_json_object(store: Store) -> None:
    await sell(store, a_sale())
    await issue(store)
    async with store.reading() as connection:
        read = msgspec.json.decode(msgspec.json.encode(await story(connection, id_of(1))))
    assert read["receipts"][0]["qr"] == a_document(1).qr
    assert read["sale"]["amount"] == 12010
    assert [each["state"] for each in read["history"]] == ["waiting", "submitted", "issued"]
