import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire import CLOUD_STATE, Channel, parse

TOPICS = [
    (Channel.SALE, "vend/v1/vm-000123/sale", 1, False),
    (Channel.ACK, "vend/v1/vm-000123/ack", 1, False),
    (Channel.RECEIPT, "vend/v1/vm-000123/receipt", 1, False),
    (Channel.RECEIPT_ACK, "vend/v1/vm-000123/receipt/ack", 1, False),
    (Channel.SHOWN, "vend/v1/vm-000123/shown", 1, False),
    (Channel.STATE, "vend/v1/vm-000123/state", 1, True),
    (Channel.HEALTH, "vend/v1/vm-000123/health", 0, True),
]
MACHINES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)


@pytest.mark.parametrize(
    ("channel", "topic", "delivery"), [(channel, topic, how) for channel, topic, *how in TOPICS]
)
def test_a_topic_is_the_contract_s(channel: Channel, topic: str, delivery: list[int]) -> None:
    assert channel.of("vm-000123") == topic
    assert parse(topic) == ("vm-000123", channel)
    assert [channel.qos, channel.retained] == delivery
    assert channel.of_all == topic.replace("vm-000123", "+")


def test_every_channel_is_in_the_table() -> None:
    assert [channel for channel, *_ in TOPICS] == list(Channel)


def test_the_cloud_s_state_is_no_machine_s() -> None:
    assert CLOUD_STATE == "vend/v1/cloud/state"
    assert parse(CLOUD_STATE) is None


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "vend/v1",
        "vend/v1/",
        "vend/v1/vm-1",
        "vend/v1/vm-1/",
        "vend/v1//sale",
        "vend/v1/vm-1/sale/",
        "vend/v1/vm-1/SALE",
        "vend/v1/vm-1/receipt/ack/more",
        "vend/v1/vm 1/sale",
        "vend/v1/vm-1\n/sale",
        f"vend/v1/{'m' * 65}/sale",
        "vend/v2/vm-1/sale",
        "vend/v10/vm-1/sale",
        "/vend/v1/vm-1/sale",
        "fleet/vm-1/sale",
    ],
)
def test_a_stranger_s_topic_is_nobody_s(topic: str) -> None:
    assert parse(topic) is None


@given(MACHINES.filter(lambda machine: machine != "cloud"), st.sampled_from(Channel))
def test_a_machine_s_topic_leads_back_to_it(machine: str, channel: Channel) -> None:
    assert parse(channel.of(machine)) == (machine, channel)


@given(st.text())
def test_any_topic_is_somebody_s_or_nobody_s(topic: str) -> None:
    for each in (topic, f"vend/v1/{topic}", f"vend/v1/{topic}/sale"):
        found = parse(each)
        assert found is None or found[1].of(found[0]) == each
