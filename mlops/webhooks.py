"""Journeys: tell receivers what happened, at least once and in order for every model.

Every command that changes the record tells what is due before it ends, for two seconds at most;
``deliver`` with ``follow`` is the process that tells the rest.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mlops import audits, posting
from mlops.errors import BadEnvironment
from mlops.workspace import Workspace
from registry import deliveries, sealing, webhooks
from registry.deliveries import State
from registry.errors import BadWebhook, SecretSealed, Undelivered
from registry.permissions import GRANTS, Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry.deliveries import Delivery, Task
    from registry.webhooks import Webhook

PATIENCE = 10.0
"""Seconds that a receiver has for its answer."""

_SOON = 2.0  # seconds that a command spends on telling
_PAUSE = 1.0  # seconds between two looks at what is due

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Added:
    """A new webhook. ``secret`` is shown this once."""

    webhook: Webhook
    secret: str

    def to_dict(self) -> dict[str, Any]:
        """Return the webhook's fields with its secret."""
        return {**self.webhook.to_dict(), "secret": self.secret}


@dataclass(slots=True)
class Told:
    """How many events were taken, how many were not, and whether some still wait."""

    delivered: int = 0
    failed: int = 0
    waiting: bool = False


def add(
    url: str, *, models: str = "*", kinds: Sequence[str] = (), workspace: Workspace | None = None
) -> Added:
    """Add a receiver; its secret is in the answer and nowhere else to be seen.

    Args:
        url: Where events go.
        models: Which models it is told of, as ``credit-*``.
        kinds: What it is told of: words of ``registry.webhooks.KINDS``; by default everything.
        workspace: Where; by default as the settings say.

    Raises:
        BadWebhook: Nothing can or may be sent there.
        BadSetting: There is no such kind of event.
        Forbidden: Your role may not manage webhooks.
    """
    ws = workspace or Workspace.open()
    posting.check_address(url)
    for kind in kinds:
        if kind not in webhooks.KINDS:
            from pipelines.errors import BadSetting

            raise BadSetting("--event", kind, f"It is one of {', '.join(webhooks.KINDS)}.")
    return Added(
        *audits.change(
            ws,
            lambda session: webhooks.add(
                session, url, models=models, kinds=kinds, by=ws.by, keys=ws.settings.keys
            ),
        )
    )


def remove(number: int, *, reason: str = "", workspace: Workspace | None = None) -> Webhook:
    """Tell a receiver nothing more.

    Raises:
        UnknownId: No webhook has that number.
        Forbidden: Your role may not manage webhooks.
    """
    ws = workspace or Workspace.open()
    return audits.change(
        ws, lambda session: webhooks.remove(session, number, by=ws.by, reason=reason)
    )


def page(
    *, limit: int = 50, before: int | None = None, workspace: Workspace | None = None
) -> list[dict[str, Any]]:
    """List receivers, newest first; whole addresses are for those who manage them."""
    ws = workspace or Workspace.open()
    whole = Action.WEBHOOKS in GRANTS[ws.by.role]
    with ws.reading() as session:
        found = webhooks.page(session, limit=limit, before=before)
    return [
        {**one.to_dict(), "url": one.url if whole else posting.shown(one.url)} for one in found
    ]


def try_out(number: int, *, workspace: Workspace | None = None) -> int:
    """Send a receiver an event of the kind ``test`` and return the status it answers with.

    Raises:
        UnknownId: No webhook has that number.
        BadWebhook: Its name leads to where no event may go.
        Undelivered: The receiver did not take it.
        SecretSealed: The event cannot be signed: MLOPS_SECRET_KEY lacks the key.
        Forbidden: Your role may not manage webhooks.
    """
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        webhook = webhooks.get(session, number)
        secret = webhooks.secret_of(session, number, by=ws.by, keys=ws.settings.keys)
    now = datetime.now(UTC)
    event = f"evt_test_{uuid4().hex}"
    body = _body(event, "test", now, "", {"by": ws.by.name})
    headers = {**_HEADERS, **webhooks.headers(secret, event, now, body)}
    return posting.post(webhook.url, body, headers, timeout=PATIENCE)


def history(
    *,
    webhook: int | None = None,
    state: State | None = None,
    limit: int = 50,
    before: int | None = None,
    workspace: Workspace | None = None,
) -> list[Delivery]:
    """Return one page of the deliveries there were, newest first."""
    ws = workspace or Workspace.open()
    with ws.reading() as session:
        page = deliveries.page(session, webhook=webhook, state=state, limit=limit, before=before)
        return list(page)


def again(number: int, *, workspace: Workspace | None = None) -> Delivery:
    """Put a delivery that was given up back on its way.

    Raises:
        UnknownId: No delivery has that number.
        Forbidden: Your role may not manage webhooks.
    """
    ws = workspace or Workspace.open()
    return audits.change(ws, lambda session: deliveries.again(session, number, by=ws.by))


def deliver(
    *,
    follow: bool = False,
    patience: float = PATIENCE,
    workspace: Workspace | None = None,
) -> Told:
    """Tell every receiver what waits for it, whether it is due or not.

    Args:
        follow: Go on with what is due until somebody presses Ctrl-C.
        patience: Seconds that a receiver has for its answer.
        workspace: Where; by default as the settings say.

    Raises:
        SecretSealed: A receiver's events cannot be signed here; they wait, all others were told.
    """
    ws = workspace or Workspace.open()
    told = Told()
    if follow:
        _follow(ws, told, patience)
    else:
        _tell(ws, told, patience, due=False)
    with ws.reading() as session:
        told.waiting = deliveries.waiting(session)
    return told


def seal(*, undo: bool = False, workspace: Workspace | None = None) -> list[Webhook]:
    """Seal every secret with the first key of MLOPS_SECRET_KEY, and return what changed.

    Args:
        undo: Open them instead, so that they lie in the database as they are.
        workspace: Where; by default as the settings say.

    Raises:
        BadEnvironment: MLOPS_SECRET_KEY holds no key.
        SecretSealed: A secret is sealed with another key; nothing is changed.
        Forbidden: Your role may not manage webhooks.
    """
    ws = workspace or Workspace.open()
    keys = ws.settings.keys
    if not keys and not undo:
        raise BadEnvironment("MLOPS_SECRET_KEY", "", "'mlops webhooks key' makes one")
    new = () if undo else keys
    return list(
        audits.change(ws, lambda session: webhooks.seal(session, old=keys, new=new, by=ws.by))
    )


@contextmanager
def telling(ws: Workspace) -> Iterator[None]:
    """Tell what is due while something else is done, and two seconds at most beyond that.

    Never fails what was done before: it is committed, and so is what to tell of it.
    """
    worker = threading.Thread(target=_tell_soon, args=[ws], daemon=True)
    try:
        with ws.reading() as session:
            due = deliveries.waiting(session, due=True)
    except Exception as error:  # noqa: BLE001 - the change itself is committed
        logger.warning("Webhooks were not told: %s", error)
        due = False
    if not due:
        yield
        return
    worker.start()
    try:
        yield
    finally:
        worker.join(_SOON)


_HEADERS = {"content-type": "application/json", "user-agent": "mlops-webhooks/1"}


def _follow(ws: Workspace, told: Told, patience: float) -> None:
    """Tell what is due, again and again, until Ctrl-C; what cannot be signed is said once."""
    said = set[str]()
    with suppress(KeyboardInterrupt):
        while True:
            try:
                _tell(ws, told, patience, due=True)
            except SecretSealed as error:
                if str(error) not in said:
                    logger.warning("%s", error)
                said.add(str(error))
            time.sleep(_PAUSE)


def _tell_soon(ws: Workspace) -> None:
    try:
        _tell(ws, Told(), _SOON, due=True, until=time.monotonic() + _SOON)
    except Exception as error:  # noqa: BLE001 - the change itself is committed
        logger.warning("Webhooks were not told: %s", error)


def _tell(
    ws: Workspace, told: Told, patience: float, *, due: bool, until: float = float("inf")
) -> None:
    """Tell until nothing waits, the time is over, or every receiver that is left is away.

    Raises:
        SecretSealed: A receiver's events cannot be signed here; they wait, all others were told.
    """
    holder, lease, away = uuid4().hex, timedelta(seconds=2 * patience + 1), set[int]()
    sealed: SecretSealed | None = None
    while time.monotonic() < until:
        task = _claim(ws, holder, lease, due=due, but=away)
        if task is None:
            break
        try:
            _tell_of_one(ws, told, task, patience, until)
        except SecretSealed as error:
            sealed = error
            away.add(task.delivery.webhook)
        except Undelivered:
            away.add(task.delivery.webhook)
    if sealed is not None:
        raise sealed


def _claim(
    ws: Workspace, holder: str, lease: timedelta, *, due: bool, but: set[int]
) -> Task | None:
    with ws.reading() as session:
        if not deliveries.waiting(session, due=due):
            return None
    with ws.session() as session, session.begin():
        return deliveries.claim(session, holder, lease=lease, due=due, but=but)


def _tell_of_one(
    ws: Workspace, told: Told, task: Task | None, patience: float, until: float
) -> None:
    """Tell one receiver what waits of one model, until the time is over."""
    while task is not None and time.monotonic() < until:
        try:
            status = _send(ws, task, patience)
        except Undelivered:
            told.failed += 1
            raise
        except SecretSealed:
            _let_go(ws, task)
            raise
        told.delivered += 1
        with ws.session() as session, session.begin():
            lease = timedelta(seconds=2 * patience + 1)
            task = deliveries.delivered(session, task, status, lease=lease)
    if task is not None:  # the time is over
        _let_go(ws, task)


def _let_go(ws: Workspace, task: Task) -> None:
    with ws.session() as session, session.begin():
        deliveries.release(session, task)


def _send(ws: Workspace, task: Task, patience: float) -> int:
    """Send one event and return the status it was taken with; note when it was not taken."""
    one, now = task.delivery, datetime.now(UTC)
    secret = sealing.opened(task.secret, ws.settings.keys)
    body = _body(one.event, one.kind, one.created_at, one.model, task.payload)
    headers = {**_HEADERS, **webhooks.headers(secret, one.event, now, body)}
    try:
        return posting.post(task.url, body, headers, timeout=patience)
    except (BadWebhook, Undelivered) as error:
        logger.info("webhook %s did not take %s: %s", one.webhook, one.event, error)
        status = getattr(error, "status", None)
        with ws.session() as session, session.begin():
            deliveries.failed(session, task, status, error.reason)
        raise Undelivered(posting.shown(task.url), error.reason, status) from error


def _body(event: str, kind: str, at: datetime, model: str, data: Any) -> bytes:
    """Write an event; the same bytes at every attempt."""
    told = {"id": event, "type": kind, "timestamp": at.isoformat(), "model": model, "data": data}
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
