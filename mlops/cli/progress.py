"""What a search shows while it runs: a live leaderboard, or plain lines where no terminal is."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from mlops.cli.output import table, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from rich.console import Console

    from pipelines.cleaning.plan import Plan
    from pipelines.leaderboard import Leaderboard
    from pipelines.profile.facts import Profile
    from pipelines.search import Budget
    from pipelines.trial import Outcome, Trial

_BEST_SHOWN = 6


class Lines:
    """One line on stderr per thing that happened."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def doing(self, what: str) -> None:
        """Name the next step."""
        self._say(what)

    def profiled(self, profile: Profile, plan: Plan) -> None:
        """Tell what was found in the data."""
        del plan
        for line in told(profile):
            self._say(line)

    def searching(self, keys: Sequence[str], budget: Budget) -> None:
        """Tell what will be tried."""
        self._say(f"Searching {len(keys)} algorithms, {limits(budget)}: {', '.join(keys)}")

    def tried(self, trial: Trial, outcome: Outcome, board: Leaderboard) -> None:
        """Tell how one trial ended, and the best so far."""
        so_far = "no score yet"
        if board.best is not None:
            leader, best = board.best
            so_far = f"best {text_of(best.score)} ({leader.algorithm_key})"
        ended = outcome.failure or f"{board.metric.key} {text_of(outcome.score)}"
        self._say(f"trial {trial.number} {trial.algorithm_key}: {ended}; {so_far}")

    def chosen(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the winner."""
        del outcome
        self._say(f"Chosen: {trial.algorithm_key} (trial {trial.number})")

    def _say(self, line: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - self._started:6.1f}s] {line}\n")
        sys.stderr.flush()


class Live(Lines):
    """A live view: the step at hand, the time left, the best trials so far."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        from rich.live import Live as View

        self._console = console
        self._step = "Reading the data"
        self._board: Leaderboard | None = None
        self._budget: Budget | None = None
        self._search_started = 0.0
        self._view = View(
            get_renderable=self._draw, console=console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        self._view.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._view.stop()

    def doing(self, what: str) -> None:
        """Show the next step."""
        self._step = what

    def searching(self, keys: Sequence[str], budget: Budget) -> None:
        """Start the clock."""
        self._budget, self._search_started = budget, time.monotonic()
        self._step = f"Searching {len(keys)} algorithms"

    def tried(self, trial: Trial, outcome: Outcome, board: Leaderboard) -> None:
        """Show the board with the new trial."""
        del trial, outcome
        self._board = board

    def chosen(self, trial: Trial, outcome: Outcome) -> None:
        """Show the winner."""
        del outcome
        self._budget = None
        self._step = f"Chosen: {trial.algorithm_key}"

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.spinner import Spinner

        head = Spinner("dots", text=f"{self._step}{self._left()}")
        if self._board is None or not len(self._board):
            return head
        return Group(head, board_table(self._board, _BEST_SHOWN))

    def _left(self) -> str:
        if self._budget is None:
            return ""
        spent = time.monotonic() - self._search_started
        tried = 0 if self._board is None else len(self._board)
        failed = 0 if self._board is None else sum(self._board.failures.values())
        count = f"{tried} trials, {failed} failed"
        if self._budget.seconds is None:
            return f"  {spent:.0f} s, {count} of {self._budget.trials}"
        return f"  {max(0.0, self._budget.seconds - spent):.0f} s left, {count}"


def watch(console: Console, *, live: bool) -> Lines:
    """Choose the view: live on a terminal, lines elsewhere."""
    return Live(console) if live and console.is_terminal else Lines()


def board_table(board: Leaderboard, most: int) -> Any:
    """Draw the best trial of each algorithm, best first."""
    frame = board.to_frame()
    counts = frame["algorithm"].value_counts().to_dict()
    spent = frame.groupby("algorithm")["seconds"].sum().to_dict()
    best = frame.drop_duplicates("algorithm").head(most)
    rows = [
        (place, row.algorithm, row.score, "level" if row.like_best else "",
         counts[row.algorithm], f"{spent[row.algorithm]:.1f}",
         row.origin if row.state != "failed" else row.failure)
        for place, row in enumerate(best.itertuples(), start=1)
    ]  # fmt: skip
    columns = [
        "#",
        "algorithm",
        board.metric.key,
        "with the best",
        "trials",
        "seconds",
        "best from",
    ]
    return table("", columns, rows)


def told(profile: Profile) -> list[str]:
    """Say what the profile found: what is left out and why, then the advice."""
    lines = [f"Profiled {profile.rows} rows x {len(profile.columns)} columns."]
    if "drawn" in profile.table:
        lines.append(f"  {profile.table['drawn']['said']}")
    lines += [
        f"  left out {column}: {finding.reason} ({finding.code})"
        for column, finding in profile.drops.items()
    ]
    lines += [
        f"  {finding.severity}: {finding.reason} ({finding.code})"
        for finding in profile.findings
        if not finding.drops
    ]
    return lines


def limits(budget: Budget) -> str:
    """Say a budget in words."""
    words = []
    if budget.seconds is not None:
        words.append(f"{budget.seconds:g} s")
    if budget.trials is not None:
        words.append(f"{budget.trials} trials")
    return f"at most {' or '.join(words) or 'one pass'}, {budget.workers} at a time"
