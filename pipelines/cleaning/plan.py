"""A cleaning plan is data: what happens to each column, and why.

``plan`` proposes one from a profile; a person may edit it as YAML; ``transformer`` builds it.
Nothing in a plan was fitted: medians, levels and scales are learned inside the folds. A step with
``when: scaled`` is for the algorithms with that need alone, so the same plan serves them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from pipelines.cleaning import proposals
from pipelines.cleaning.operations import TABLE, Step, operation
from pipelines.dataset import Dataset, Kind
from pipelines.errors import BadPlan, close_matches, listed
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.profile.facts import Profile

ROW_RULES = {
    "target_missing": "the target is missing",
    "duplicates": "an exact copy of an earlier row",
}


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """A column that is used, with its steps in order."""

    name: str
    kind: Kind
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A column that is left out, with the reason and the finding's code if there is one."""

    name: str
    reason: str
    finding: str | None = None


@dataclass(frozen=True, slots=True)
class RowRule:
    """Rows that are left out of training."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens to every column, to the rows, and to the table as a whole."""

    task: Task
    target: str | None
    columns: tuple[ColumnPlan, ...]
    dropped: tuple[Dropped, ...] = ()
    rows: tuple[RowRule, ...] = ()
    table: tuple[Step, ...] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """The names of the columns that are used, in order."""
        return tuple(column.name for column in self.columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, ready for JSON and YAML."""
        return {
            "schema": 1,
            "task": str(self.task),
            "target": self.target,
            "rows": [{"leave_out": rule.rule, "reason": rule.reason} for rule in self.rows],
            "columns": {
                column.name: {
                    "kind": str(column.kind),
                    "steps": [step.to_dict() for step in column.steps],
                }
                for column in self.columns
            },
            "table": [step.to_dict() for step in self.table],
            "dropped": {
                drop.name: {"reason": drop.reason, "finding": drop.finding}
                for drop in self.dropped
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, columns: Sequence[str] | None = None) -> Self:
        """Read a plan that a person may have edited.

        With ``columns``, the table's own, a plan that names others is refused and a column it
        does not mention is left out.

        Raises:
            BadPlan: A column, step, option or kind is not known; the sentence names it.
        """
        _check_shape(data)
        found = cls(
            task=_one_of(Task, data.get("task"), "task"),
            target=data.get("target"),
            columns=tuple(_column(n, d) for n, d in _entries(data, "columns").items()),
            dropped=tuple(_dropped(n, d) for n, d in _entries(data, "dropped").items()),
            rows=tuple(_row_rule(d) for d in data.get("rows") or ()),
            table=tuple(_table_step(d) for d in data.get("table") or ()),
        )
        _check_sense(found)
        return found if columns is None else _fitted_to(found, columns)


def plan(profile: Profile, dataset: Dataset) -> Plan:
    """Propose a plan for a table: usual steps for each kind of column, each with its reason."""
    drops = profile.drops
    rows = len(dataset.frame)
    columns = [
        _proposed(column.name, column.kind, dataset)
        for column in profile.columns
        if column.name not in drops and column.name != dataset.target
    ]
    numbers = [column.name for column in columns if column.kind is Kind.NUMBER]
    alike = proposals.alike(dataset.frame[numbers], dataset.task)
    return Plan(
        task=dataset.task,
        target=dataset.target,
        columns=tuple(
            replace(column, steps=proposals.of_one_size(column.steps))
            if column.name in alike
            else column
            for column in columns
        ),
        dropped=tuple(Dropped(name, f.reason, f.code) for name, f in drops.items()),
        rows=() if dataset.target is None else (
            RowRule("target_missing", "A row without its answer teaches nothing."),
        ),
        table=proposals.table_steps(rows, len(profile.columns)),
    )  # fmt: skip


def _proposed(name: str, kind: Kind, dataset: Dataset) -> ColumnPlan:
    """Propose the steps of one column."""
    values = dataset.frame[name]
    kind = proposals.used_as(kind, values)
    return ColumnPlan(name, kind, proposals.steps_for(kind, values, dataset.task))


def _check_shape(data: object) -> None:
    """Refuse what is no plan at all."""
    known = ("schema", "task", "target", "rows", "columns", "table", "dropped")
    if not isinstance(data, dict):
        raise BadPlan(f"A plan is a mapping with the keys {listed(known)}, not {data!r:.80}.")
    for key in data:
        if key not in known:
            raise BadPlan(
                f"The plan has an unknown part {key!r}.{close_matches(str(key), known)} "
                f"Parts: {listed(known)}."
            )
    if data.get("schema", 1) != 1:
        raise BadPlan(f"The plan has schema {data['schema']!r}; this version reads schema 1.")
    for key in ("rows", "table"):
        if not isinstance(data.get(key) or [], list):
            raise BadPlan(f"The plan's {key!r} is a list, not {data[key]!r:.80}.")


def _entries(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return one of the plan's mappings by column name."""
    found = data.get(key) or {}
    if not isinstance(found, dict):
        raise BadPlan(f"The plan's {key!r} maps column names to entries, not {found!r:.80}.")
    return {str(name): entry for name, entry in found.items()}


def _one_of(words: type[Any], value: object, where: str) -> Any:
    """Read a word of a closed set."""
    known = [str(word) for word in words]
    if value not in known:
        raise BadPlan(
            f"The plan's {where} cannot be {value!r}.{close_matches(str(value), known)} "
            f"It is one of: {listed(known)}."
        )
    return words(value)


def _column(name: str, data: object) -> ColumnPlan:
    """Read one used column."""
    if not isinstance(data, dict) or set(data) - {"kind", "steps"}:
        raise BadPlan(f"Column {name!r} of the plan has a kind and steps, not {data!r:.80}.")
    kind = _one_of(Kind, data.get("kind"), f"kind of column {name!r}")
    steps = data.get("steps") or []
    if not isinstance(steps, list):
        raise BadPlan(f"The steps of column {name!r} are a list, not {steps!r:.80}.")
    return ColumnPlan(name, kind, tuple(_column_step(name, kind, step) for step in steps))


def _column_step(name: str, kind: Kind, data: Any) -> Step:
    """Read one step of a column and see that it goes with the column's kind."""
    where = f"Column {name!r}"
    step = Step.from_dict(data, where)
    row = operation(step.do, step.how)
    if kind not in row.kinds:
        takes = f"takes {listed(sorted(row.kinds))}" if row.kinds else "belongs under 'table'"
        raise BadPlan(f"{where} is a {kind}, and the step '{row.do}: {row.how}' {takes}.")
    return step


def _table_step(data: Any) -> Step:
    """Read one step for the whole table."""
    step = Step.from_dict(data, "The plan's table")
    if operation(step.do, step.how).kinds != TABLE:
        raise BadPlan(f"The step '{step.do}: {step.how}' belongs under a column, not 'table'.")
    return step


def _dropped(name: str, data: object) -> Dropped:
    """Read one column that is left out."""
    if isinstance(data, dict):
        return Dropped(name, str(data.get("reason", "")), data.get("finding"))
    return Dropped(name, "" if data is None else str(data))


def _row_rule(data: object) -> RowRule:
    """Read one rule for rows."""
    rule = data.get("leave_out") if isinstance(data, dict) else data
    if rule not in ROW_RULES:
        raise BadPlan(
            f"The plan cannot leave out rows by {rule!r}.{close_matches(str(rule), ROW_RULES)} "
            f"It can by: {listed(ROW_RULES)}."
        )
    reason = data.get("reason", "") if isinstance(data, dict) else ""
    return RowRule(str(rule), str(reason) or ROW_RULES[str(rule)])


def _check_sense(found: Plan) -> None:
    """Refuse what can be read but not followed."""
    if not found.columns:
        raise BadPlan("The plan uses no column. Keep at least one under 'columns'.")
    if found.target in found.used:
        raise BadPlan(f"The plan uses the target {found.target!r} as a feature. Take it out.")
    both = sorted(set(found.used) & {drop.name for drop in found.dropped})
    if both:
        raise BadPlan(f"Column {both[0]!r} is both used and dropped. Keep one of the two.")
    for column in found.columns:
        for step in column.steps:
            _check_step(f"Column {column.name!r}", step, found)
            _check_own(column, step)
    for step in found.table:
        _check_step("The plan's table", step, found)


def _check_step(where: str, step: Step, found: Plan) -> None:
    """Refuse a step that lacks what it learns from."""
    row = operation(step.do, step.how)
    if row.supervised and found.task is Task.ANOMALY:
        raise BadPlan(f"{where}: '{row.do}: {row.how}' needs a target, and anomalies have none.")
    if "order" in row.options:
        order = step.options.get("order")
        timed = [c.name for c in found.columns if c.kind in {Kind.DATE, Kind.NUMBER}]
        if order not in timed:
            raise BadPlan(
                f"{where}: '{row.do}: {row.how}' follows time, so its option 'order' names a "
                f"used date or number column, not {order!r}. There are: {listed(timed)}."
            )
    _check_values(where, step, row.options)


def _check_own(column: ColumnPlan, step: Step) -> None:
    """Refuse a step that does not make sense on this column."""
    if step.options.get("order") == column.name:
        raise BadPlan(f"Column {column.name!r} cannot follow itself. Name another 'order'.")
    value = step.options.get("value", 0)
    if column.kind in {Kind.NUMBER, Kind.BOOLEAN} and not isinstance(value, int | float):
        raise BadPlan(f"Column {column.name!r} is a {column.kind} and cannot hold {value!r}.")


def _check_values(where: str, step: Step, usual: Mapping[str, Any]) -> None:
    """Refuse option values of the wrong sort."""
    for name, value in step.options.items():
        wrong = proposals.why_wrong(name, value, usual[name])
        if wrong:
            raise BadPlan(f"{where}: option {name!r} of '{step.do}: {step.how}' {wrong}.")


def _fitted_to(found: Plan, columns: Sequence[str]) -> Any:
    """Hold a plan against the columns of a table."""
    named = [*found.used, *(drop.name for drop in found.dropped)]
    for name in [*named, *([found.target] if found.target else [])]:
        if name not in columns:
            raise BadPlan(
                f"The plan names the column {name!r}, which the table does not have."
                f"{close_matches(name, columns)} The table has: {listed(columns)}."
            )
    silent = [c for c in columns if c not in named and c != found.target]
    extra = tuple(Dropped(name, "The plan does not mention it.") for name in silent)
    return type(found)(
        task=found.task, target=found.target, columns=found.columns,
        dropped=found.dropped + extra, rows=found.rows, table=found.table,
    )  # fmt: skip
