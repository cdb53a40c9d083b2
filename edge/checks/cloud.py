"""The cloud: whether the fiscaliser is there, not only the broker. It says so itself, retained."""

from typing import Final

from edge.checks import Finding
from edge.checks.agent import Agent
from edge.checks.broker import Visit
from edge.wire import CLOUD_STATE, CloudState, MalformedMessageError, decode

NAME: Final = "cloud"
WAIT: Final = (
    "sales wait on this machine's disk and lose nothing; tell the operator that the fiscaliser"
    " does not run: systemctl status chekomat-cloud"
)


def judge(seen: Visit) -> Finding:
    """What the broker had to say of it."""
    if seen.cloud is None:
        return Finding(NAME, "skipped", "only the broker knows, and it was not reached")
    if not seen.cloud:
        return Finding(
            NAME,
            "fail",
            f"nothing stands at {CLOUD_STATE}: it was never on this broker, or this machine may"
            " not read it",
            f"is it the right broker? {WAIT}",
        )
    try:
        state = decode(seen.cloud, CloudState)
    except MalformedMessageError as error:
        return Finding(
            NAME,
            "fail",
            f"what stands at {CLOUD_STATE} is no message of ours: {error}",
            "somebody else uses this topic on that broker; ask its administrator",
        )
    return _there() if state.online else _away()


def judge_told(agent: Agent) -> Finding:
    """What the running agent has heard of it."""
    online = None if agent.status is None else agent.status.link.cloud_online
    if online is None:
        return Finding(NAME, "skipped", "the running agent has heard nothing of it")
    return _there() if online else _away()


def _there() -> Finding:
    return Finding(NAME, "ok", "the fiscaliser is there")


def _away() -> Finding:
    return Finding(NAME, "fail", "the fiscaliser says that it is away", WAIT)
