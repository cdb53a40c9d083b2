"""The cloud: whether the fiscaliser is there, not only the broker. It says so itself, retained."""

from typing import Final

from edge.checks import Finding, both
from edge.checks.agent import Agent
from edge.checks.broker import Visit
from edge.wire import CLOUD_STATE, CloudState, MalformedMessageError, decode

NAME: Final = "cloud"
WAIT: Final = both(
    "продажи ждут на диске автомата, ничего не теряется; сообщите оператору, что фискализация не"
    " работает: systemctl status chekomat-cloud",
    "sales wait on this machine's disk and lose nothing; tell the operator that the fiscaliser"
    " does not run: systemctl status chekomat-cloud",
)


def judge(seen: Visit) -> Finding:
    """What the broker had to say of it."""
    if seen.cloud is None:
        unasked = both(
            "о нём знает только брокер, а до него не дошли",
            "only the broker knows, and it was not reached",
        )
        return Finding(NAME, "skipped", unasked)
    if not seen.cloud:
        return Finding(
            NAME,
            "fail",
            both(
                "в {topic} пусто: облака на этом брокере никогда не было, или автомату нельзя это"
                " читать",
                "nothing stands at {topic}: it was never on this broker, or this machine may not"
                " read it",
                topic=CLOUD_STATE,
            ),
            both("тот ли это брокер? {wait}", "is it the right broker? {wait}", wait=WAIT),
        )
    try:
        state = decode(seen.cloud, CloudState)
    except MalformedMessageError as error:
        return Finding(
            NAME,
            "fail",
            both(
                "в {topic} не наше сообщение: {error}",
                "what stands at {topic} is no message of ours: {error}",
                topic=CLOUD_STATE,
                error=error,
            ),
            both(
                "этот топик занят кем-то другим; спросите администратора брокера",
                "somebody else uses this topic on that broker; ask its administrator",
            ),
        )
    return _there() if state.online else _away()


def judge_told(agent: Agent) -> Finding:
    """What the running agent has heard of it."""
    online = None if agent.status is None else agent.status.link.cloud_online
    if online is None:
        unheard = both(
            "работающий агент о нём ничего не слышал", "the running agent has heard nothing of it"
        )
        return Finding(NAME, "skipped", unheard)
    return _there() if online else _away()


def _there() -> Finding:
    return Finding(NAME, "ok", both("фискализация работает", "the fiscaliser is there"))


def _away() -> Finding:
    away = both("облако само сообщило, что не работает", "the fiscaliser says that it is away")
    return Finding(NAME, "fail", away, WAIT)
