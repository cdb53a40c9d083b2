import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire import CLOUD_STATE, Channel, parse, parse_command

TOPICS = [
    (Channel.SALE, "vend/v1/vm-000123/sale", 1, False),
    (Channel.ACK, "vend/v1/vm-000123/ack", 1, False),
    (Channel.RECEIPT, "vend/v1/vm-000123/receipt", 1, False),
    (Channel.RECEIPT_ACK, "vend/v1/vm-000123/receipt/ack", 1, False),
    (Channel.SHOWN, "vend/v1/vm-000123/shown", 1, False),
    (Channel.STATE, "vend/v1/vm-000123/state", 1, True),
    (Channel.HEALTH, "vend/v1/vm-000123/health", 0, True),
    (Channel.INCIDENT, "vend/v1/vm-000123/incident", 1, False),
    (Channel.NOTED, "vend/v1/vm-000123/noted", 1, False),
    (Channel.DESIRED, "vend/v1/vm-000123/config/desired", 1, True),
    (Channel.REPORTED, "vend/v1/vm-000123/config/reported", 1, True),
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
        "vend/v1/vm-1/config",
        "vend/v1/vm-1/cmd/1",
        "vend/v1/vm-1/cmd/1/result",
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


COMMANDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


def test_a_command_and_its_answer_are_the_contract_s() -> None:
    assert Channel.command_of("vm-000123", "a1") == "vend/v1/vm-000123/cmd/a1"
    assert Channel.result_of("vm-000123", "a1") == "vend/v1/vm-000123/cmd/a1/result"
    assert Channel.commands_of("vm-000123") == "vend/v1/vm-000123/cmd/+"
    assert parse_command("vend/v1/vm-000123/cmd/a1") == ("vm-000123", "a1", False)
    assert parse_command("vend/v1/vm-000123/cmd/a1/result") == ("vm-000123", "a1", True)


@given(MACHINES.filter(lambda machine: machine != "cloud"), COMMANDS)
def test_a_command_s_topic_leads_back_to_it(machine: str, command: str) -> None:
    assert parse_command(Channel.command_of(machine, command)) == (machine, command, False)
    assert parse_command(Channel.result_of(machine, command)) == (machine, command, True)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "vend/v1/vm-1/cmd",
        "vend/v1/vm-1/cmd/",
        "vend/v1/vm-1/cmd//result",
        "vend/v1/vm-1/cmd/1/result/",
        "vend/v1/vm-1/cmd/1/answer",
        "vend/v1/vm-1/cmd/1\n",
        "vend/v1/vm-1/cmd/a b",
        f"vend/v1/vm-1/cmd/{'1' * 65}",
        "vend/v1/vm-1/sale",
        "vend/v1/vm 1/cmd/1",
        "vend/v1/cloud/cmd/1",
        "vend/v2/vm-1/cmd/1",
        " vend/v1/vm-1/cmd/1",
    ],
)
def test_what_is_no_command_s_topic_is_nobody_s(topic: str) -> None:
    assert parse_command(topic) is None


@given(st.text())
def test_any_topic_is_a_command_s_or_nobody_s(topic: str) -> None:
    for each in (topic, f"vend/v1/vm-1/cmd/{topic}", f"vend/v1/{topic}/cmd/1"):
        found = parse_command(each)
        if found is not None:
            machine, command, is_answer = found
            make = Channel.result_of if is_answer else Channel.command_of
            assert make(machine, command) == each
