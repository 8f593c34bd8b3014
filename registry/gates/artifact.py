"""What a version is made of: its files, the rows it takes, its speed, the age of its data."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from registry.cases import Gate, NotApplicable
from registry.gates.asked import Age, Compatible, Formats, Latency, Names, Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.cases import Case

_DAY = 86_400
_NAMED = 5


def _latency_seen(case: Case, given: Latency) -> str:
    del given
    value = case.found("latency").get("ms")
    return "not measured" if value is None else f"{value:.3g} ms for one row (median)"


def _fast(case: Case, given: Latency) -> str | None:
    found = case.found("latency")
    if "ms" not in found:
        return f"It was not measured: {found['why']}."
    if found["ms"] <= given.max_ms:
        return None
    return f"One row takes {found['ms']:.3g} ms, more than {given.max_ms:g}."


def _size_seen(case: Case, given: Size) -> str:
    del given
    value = case.found("files").get("bytes")
    return "not measured" if value is None else f"{value / 1e6:.2f} MB"


def _small(case: Case, given: Size) -> str | None:
    found = case.found("files")
    if "bytes" not in found:
        return f"It was not measured: {found.get('missing') or found['why']}."
    if found["bytes"] <= given.max_mb * 1e6:
        return None
    return f"The model weighs {found['bytes'] / 1e6:.2f} MB, more than {given.max_mb:g}."


def _schema_seen(case: Case, given: Compatible) -> str:
    del given
    found = case.found("schema")
    if "why" in found:
        return "not compared"
    told = [f"{len(found['same'])} columns alike"]
    told += [f"{len(found[key])} {key}" for key in ("new", "gone", "changed") if found[key]]
    return ", ".join(told)


def _compatible(case: Case, given: Compatible) -> str | None:
    champion, found = case.rival(), case.found("schema")
    if "why" in found:
        return f"It was not compared with {champion}: {found['why']}."
    wrong = []
    if found["task"][0] != found["task"][1]:
        wrong.append(f"it is a {found['task'][1]}, {champion} a {found['task'][0]}")
    elif found["classes"][0] != found["classes"][1]:
        wrong.append(f"it knows the classes {found['classes'][1]}, not {found['classes'][0]}")
    if found["new"] and not given.new_columns:
        wrong.append(f"it wants columns that {champion} does not: {_few(found['new'])}")
    if found["changed"]:
        wrong.append(f"columns changed their kind: {_few(found['changed'])}")
    text = "; ".join(wrong)
    return f"{text[0].upper()}{text[1:]}." if text else None


def _few(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _data_time(case: Case) -> datetime:
    told = case.challenger.evidence.get("more", {}).get("data_until")
    return datetime.fromisoformat(told) if told else case.challenger.created_at


def _age_seen(case: Case, given: Age) -> str:
    del given
    known = case.challenger.evidence.get("more", {}).get("data_until")
    what = "its last row is of" if known else "registered"
    return f"{what} {_data_time(case):%Y-%m-%d %H:%M} UTC"


def _fresh(case: Case, given: Age) -> str | None:
    if case.at is None:
        raise NotApplicable("Nobody said what time it is.")
    days = (case.at - _data_time(case)).total_seconds() / _DAY
    return None if days <= given.max_days else f"Its data is {days:.1f} days old."


def _format_seen(case: Case, given: Formats) -> str:
    found = {**case.found("files"), **case.found("types")}
    if "format" not in found or "types" not in found:
        return "not looked at"
    strange = [name for name in found["types"] if not _listed(name, given.types)]
    return f"{found['format']}, with {_few(strange)}" if strange else str(found["format"])


def _safe(case: Case, given: Formats) -> str | None:
    found = {**case.found("files"), **case.found("types")}
    if "format" not in found or "types" not in found:
        return f"The model's files were not looked at: {found.get('missing') or found['why']}."
    if found["format"] not in given.allow:
        why = f" ({found['reason']})" if found.get("reason") else ""
        return f"The model is written with {found['format']}{why}."
    strange = [name for name in found["types"] if not _listed(name, given.types)]
    return f"It holds types that nobody allowed: {_few(strange)}." if strange else None


def _listed(name: str, allowed: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in allowed)


def _names_seen(case: Case, given: Names) -> str:
    found = case.found("files")
    if "pickled" not in found:
        return "not looked at"
    strange = [name for name in found["pickled"] if not _listed(name, given.allowed)]
    return f"{len(found['pickled'])} names, {len(strange)} not allowed"


def _clean_pickle(case: Case, given: Names) -> str | None:
    found = case.found("files")
    if "pickled" not in found:
        return f"The model's files were not looked at: {found.get('missing') or found['why']}."
    if not found["pickles"]:
        raise NotApplicable("There is no pickle among the model's files.")
    if found.get("unreadable"):
        return f"A pickle cannot be read to its end: {found['unreadable']}."
    strange = [name for name in found["pickled"] if not _listed(name, given.allowed)]
    return f"A pickle names what is not on the list: {_few(strange)}." if strange else None


ROWS: Sequence[Gate] = (
    Gate(
        code="G017",
        key="latency",
        title="latency",
        asks="Does answering one row take at most `max_ms` milliseconds, in the median, on the "
        "machine that measured it first?",
        settings=Latency,
        needed="at most {max_ms:g} ms",
        observed=_latency_seen,
        check=_fast,
        needs=frozenset({"latency"}),
    ),
    Gate(
        code="G018",
        key="size",
        title="size",
        asks="Do the model's files weigh at most `max_mb` megabytes, the code beside it apart?",
        settings=Size,
        needed="at most {max_mb:g} MB",
        observed=_size_seen,
        check=_small,
        needs=frozenset({"files"}),
    ),
    Gate(
        code="G019",
        key="schema",
        title="schema",
        asks="Does it take the rows that the champion takes, and answer the same question? "
        "`new_columns` allows it to want columns that the champion does not.",
        settings=Compatible,
        needed="the champion's columns, kinds and classes",
        observed=_schema_seen,
        check=_compatible,
        needs=frozenset({"schema"}),
    ),
    Gate(
        code="G020",
        key="freshness",
        title="data freshness",
        asks="Is the last row it learned from at most `max_days` old? Where rows have no time, "
        "the day of registration counts.",
        settings=Age,
        needed="at most {max_days:g} days old",
        observed=_age_seen,
        check=_fresh,
    ),
    Gate(
        code="G021",
        key="safe_format",
        title="safe serialization",
        asks="Is the model written in a format of `allow`, with no types but those that are known "
        "to run nothing, or are listed in `types`? The list is the policy's, never the file's.",
        settings=Formats,
        needed=lambda given: " or ".join(given.allow),
        observed=_format_seen,
        check=_safe,
        needs=frozenset({"files", "types"}),
    ),
    Gate(
        code="G022",
        key="pickle_scan",
        title="pickle scan",
        asks="Do pickles among the model's files name only what is on the list? They are read "
        "opcode by opcode and never run. `also` adds names or `package.*`; `known = false` "
        "leaves out our own list.",
        settings=Names,
        needed="only names on the list",
        observed=_names_seen,
        check=_clean_pickle,
        needs=frozenset({"files"}),
    ),
)
