"""Users: whom the registry knows, and in which role.

Nobody has to be added: while the registry knows nobody, whoever opens it is who the operating
system says, in the role of the settings. The first user that is added brings the one who adds in
as an admin; from then on a name it does not know may only look.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from registry import audit, db
from registry.errors import BadUser, UnknownUser, UserInactive
from registry.permissions import GRANTS, Action, Actor, Role, require
from registry.tables import UserRow, now

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

SEEN_EVERY = timedelta(minutes=5)
"""How exact "last seen" is; whoever comes again within this time costs no write."""

_LONGEST = 200
_PEOPLE = "@users"  # a key that no model's name can be


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A snapshot of somebody the registry knows."""

    id: int
    name: str
    role: Role
    author: str
    """Who added them."""
    created_at: datetime
    deactivated_at: datetime | None
    last_seen_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether they may come in."""
        return self.deactivated_at is None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {**asdict(self), "role": self.role.value, "active": self.active}


def add(session: Session, name: str, *, role: Role, by: Actor) -> User:
    """Add somebody. The first one brings in who adds them, as an admin.

    Raises:
        Forbidden: The actor's role may not manage users.
        BadUser: Somebody has that name already, or nobody can, or no admin would be left.
    """
    require(by, Action.PEOPLE)
    _check_name(name)
    db.lock(session, _PEOPLE)
    if _row(session, name) is not None:
        raise BadUser(f"There is a user {name!r} already. 'mlops users show {name}' shows them.")
    if by.name != name and not known(session):
        _insert(session, by.name, Role.ADMIN, by)
    added = _insert(session, name, role, by)
    _keep_an_admin(session, name)
    return added


def get(session: Session, name: str) -> User:
    """Find somebody.

    Raises:
        UnknownUser: The registry knows nobody by that name.
    """
    return _snapshot(_existing(session, name))


def page(
    session: Session, search: str = "", *, limit: int = 50, after: str | None = None
) -> tuple[User, ...]:
    """Return one page of users by name.

    Args:
        session: Any session; nothing is written.
        search: Only names that contain this, in upper or lower case.
        limit: How many at most.
        after: Only names behind this one: the last on the page before.
    """
    query = select(UserRow).order_by(UserRow.name).limit(limit)
    if search:
        query = query.where(UserRow.name.icontains(search, autoescape=True))
    if after is not None:
        query = query.where(UserRow.name > after)
    return tuple(_snapshot(row) for row in session.scalars(query))


def known(session: Session) -> bool:
    """Whether anybody was added; until then nobody is asked who they are."""
    return session.scalar(select(UserRow.id).limit(1)) is not None


def set_role(session: Session, name: str, role: Role, *, by: Actor, reason: str = "") -> User:
    """Give somebody another role. Giving them the one they have changes nothing.

    Raises:
        Forbidden: The actor's role may not manage users.
        UnknownUser: The registry knows nobody by that name.
        BadUser: No admin would be left.
    """
    require(by, Action.PEOPLE)
    db.lock(session, _PEOPLE)
    row = _existing(session, name)
    if row.role != role.value:
        told = {"from": row.role, "to": role.value}
        row.role = role.value
        _write_down(session, name, "change role", told, by, reason)
    return _snapshot(row)


def deactivate(session: Session, name: str, *, by: Actor, reason: str = "") -> User:
    """Let somebody in no more, neither by name nor by token.

    Raises:
        Forbidden: The actor's role may not manage users.
        UnknownUser: The registry knows nobody by that name.
        BadUser: No admin would be left.
    """
    return _switch(session, name, on=False, by=by, reason=reason)


def reactivate(session: Session, name: str, *, by: Actor, reason: str = "") -> User:
    """Let somebody in again, with the role they had and the tokens that are still good.

    Raises:
        Forbidden: The actor's role may not manage users.
        UnknownUser: The registry knows nobody by that name.
    """
    return _switch(session, name, on=True, by=by, reason=reason)


def caller(session: Session, name: str, *, role: Role, source: str) -> tuple[Actor, User | None]:
    """Say who somebody is, by the name that the operating system or a login gives them.

    The registry may know nobody, or not them: then there is no user.

    Args:
        session: Any session; nothing is written.
        name: Their name.
        role: Their role while the registry knows nobody; afterwards it only narrows.
        source: The door they came through.

    Raises:
        UserInactive: They were deactivated.
    """
    row = _row(session, name)
    if row is not None:
        user = open_to(_snapshot(row))
        narrowed = None if role is Role.ADMIN else GRANTS[role]
        return Actor(name, user.role, source, narrowed), user
    return Actor(name, Role.VIEWER if known(session) else role, source), None


def signed_in(session: Session, name: str, *, otherwise: Role, source: str) -> Actor:
    """Say who somebody is whom another login let in: the registry's word on their role counts.

    Args:
        session: Any session; nothing is written.
        name: Their name there.
        otherwise: Their role when the registry does not know them.
        source: The door they came through.

    Raises:
        UserInactive: They were deactivated.
    """
    row = _row(session, name)
    role = otherwise if row is None else open_to(_snapshot(row)).role
    return Actor(name, role, source)


def open_to(user: User) -> User:
    """Return a user who may come in.

    Raises:
        UserInactive: They were deactivated.
    """
    if user.deactivated_at is not None:
        raise UserInactive(user.name, user.deactivated_at)
    return user


def seen(session: Session, name: str) -> None:
    """Write down that somebody was here, if that is not known yet. The caller commits."""
    time = now()
    known_now = UserRow.last_seen_at.is_(None) | (UserRow.last_seen_at < time - SEEN_EVERY)
    query = update(UserRow).where(UserRow.name == name, known_now).values(last_seen_at=time)
    session.execute(query.execution_options(synchronize_session=False))


def is_due(before: datetime | None) -> bool:
    """Whether it is time to write down again that somebody was here."""
    return before is None or before < now() - SEEN_EVERY


def _switch(session: Session, name: str, *, on: bool, by: Actor, reason: str) -> User:
    require(by, Action.PEOPLE)
    db.lock(session, _PEOPLE)
    row = _existing(session, name)
    if on is not (row.deactivated_at is None):
        row.deactivated_at = None if on else now()
        _write_down(session, name, "reactivate" if on else "deactivate", {}, by, reason)
    return _snapshot(row)


def _insert(session: Session, name: str, role: Role, by: Actor) -> User:
    row = UserRow(name=name, role=role.value, author=by.name, created_at=now())
    session.add(row)
    session.flush()
    audit.append(
        session, by=by, action="add user", subject=f"{_PEOPLE}/{name}", detail={"role": role.value}
    )
    return _snapshot(row)


def _write_down(
    session: Session, name: str, action: str, detail: dict[str, str], by: Actor, reason: str
) -> None:
    session.flush()
    _keep_an_admin(session, name)
    audit.append(
        session, by=by, action=action, subject=f"{_PEOPLE}/{name}", detail=detail, reason=reason
    )


def _keep_an_admin(session: Session, name: str) -> None:
    active = (UserRow.role == Role.ADMIN.value, UserRow.deactivated_at.is_(None))
    if not session.scalar(select(func.count()).select_from(UserRow).where(*active)):
        raise BadUser(
            f"Without {name!r} as an admin nobody could manage users. Make another first."
        )


def _check_name(name: str) -> None:
    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= _LONGEST:
        raise BadUser(
            f"A user cannot be called {name!r}. Write 1 to {_LONGEST} printable characters, "
            "no space first or last."
        )


def _row(session: Session, name: str) -> UserRow | None:
    query = select(UserRow).where(UserRow.name == name)
    return session.scalar(query.execution_options(populate_existing=True))


def _existing(session: Session, name: str) -> UserRow:
    row = _row(session, name)
    if row is None:
        raise UnknownUser(name, [user.name for user in page(session, limit=20)])
    return row


def _snapshot(row: UserRow) -> User:
    return User(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        author=row.author,
        created_at=row.created_at,
        deactivated_at=row.deactivated_at,
        last_seen_at=row.last_seen_at,
    )
