import pytest

from edge.checks.agent import Agent
from edge.checks.broker import Visit
from edge.checks.cloud import judge, judge_told
from edge.technician.status import LinkStatus, Status
from edge.wire import CloudState, encode


@pytest.mark.parametrize(
    ("body", "state", "told"),
    [
        (encode(CloudState(online=True)), "ok", "is there"),
        (encode(CloudState(online=False)), "fail", "away"),
        (b"", "fail", "never on this broker"),
        (b"{", "fail", "no message of ours"),
        (None, "skipped", "not reached"),
    ],
)
def test_the_cloud_is_where_it_says_that_it_is(body: bytes | None, state: str, told: str) -> None:
    found = judge(Visit(answer="Success", cloud=body))
    assert (found.name, found.state) == ("cloud", state)
    assert told in found.found.en
    assert bool(found.advice.en) == (state == "fail")


@pytest.mark.parametrize(("online", "state"), [(True, "ok"), (False, "fail"), (None, "skipped")])
def test_a_running_agent_is_asked(online: bool | None, state: str) -> None:  # noqa: FBT001
    status = Status(link=LinkStatus(cloud_online=online))
    assert judge_told(Agent(runs=True, status=status)).state == state
