"""Choosing and tuning: ask, run anywhere, tell.

Workers get a trial and return an outcome; only this process knows Optuna, the journal and whoever
watches. An outcome is in the journal before anybody hears of it.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pipelines import ensemble
from pipelines.errors import BadSetting
from pipelines.leaderboard import Leaderboard, ratio_of
from pipelines.search.agreement import preferred_of, rescored
from pipelines.search.clock import Clock
from pipelines.search.proposals import Proposals
from pipelines.trial import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.cleaning.plan import Plan
    from pipelines.executors import Crew
    from pipelines.journal import Journal
    from pipelines.profile.facts import Profile
    from pipelines.shelf import Shelf
    from pipelines.trial import Trial, Work

log = logging.getLogger(__name__)

RACE_FROM = 2_000
"""Below this many rows one fold says too little to race on."""
REFIT_SHARE = 0.3
"""No more of the seconds than this is kept for fitting the winner once more."""
LEAST_RESERVE = 0.5
CHOOSING_SHARE, FITTING_SHARE, MOST_ANEW = 0.03, 0.08, 4
"""So much of the seconds is kept for choosing an ensemble and for fitting a few members."""
GRACE = 1.5
"""A trial that takes so many times its limit is killed: it does not look at the clock."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much searching is enough: wall seconds, trials, or whichever comes first.

    >>> Budget(seconds=60, workers=2).workers
    2
    """

    seconds: float | None = None
    trials: int | None = None
    workers: int = 1
    memory: int | None = None
    """Bytes that one trial may take; None for a fair share of what is free."""
    trial_seconds: float | None = None
    """Seconds that one trial may take; None for a share of the whole."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            BadSetting: No limit at all, or one that is not positive.
        """
        if self.seconds is None and self.trials is None:
            raise BadSetting("budget", None, "Give seconds, trials or both.")
        for name in ("seconds", "trials", "workers", "memory", "trial_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BadSetting(name, value, "It must be more than 0.")


class Watcher(Protocol):
    """Who is told how it goes, in the parent process, after the journal. It must not block."""

    def doing(self, what: str) -> None:
        """Hear what begins."""

    def profiled(self, profile: Profile, plan: Plan) -> None:
        """Hear what the table looks like and how it will be cleaned."""

    def searching(self, keys: Sequence[str], budget: Budget) -> None:
        """Hear which algorithms take part."""

    def tried(self, trial: Trial, outcome: Outcome, board: Leaderboard) -> None:
        """Hear of a trial that ended, well or not."""

    def chosen(self, trial: Trial, outcome: Outcome) -> None:
        """Hear which trial won."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a search is about, beside its work."""

    seed: int = 0
    journal: Journal | None = None
    watchers: Sequence[Watcher] = ()
    ensemble: bool = False
    """Whether time is kept for one."""
    shelf: Shelf | None = None
    """Where the folds' models go."""


def search(work: Work, clock: Clock, crew: Crew, question: Question) -> Leaderboard:
    """Try algorithms until the clock says stop; return every trial with its outcome.

    What a journal holds is taken over first and never repeated. Trials still running when the
    time is up are given up, not counted. Ctrl-C ends the search early, with what ended so far.
    """
    return _Search(work, clock, crew, question).run()


@dataclass(frozen=True, slots=True)
class _Running:
    trial: Trial
    allowed: float
    """Seconds after which it is killed."""
    overdue: float
    """The moment when they are over."""


class _Search:
    def __init__(self, work: Work, clock: Clock, crew: Crew, question: Question) -> None:
        self._work, self._clock, self._crew, self._question = work, clock, crew, question
        labelled = work.labels is not None
        rows = tuple(work.rows.values())
        race = len(work.features) >= RACE_FROM and len(work.folds) > 1
        self._proposals = Proposals(
            rows, work.metric, question.seed, race=race and labelled, tune=labelled,
            classes=len(work.classes),
        )  # fmt: skip
        preferred = None if labelled else preferred_of(rows)
        self._board = Leaderboard(work.metric, preferred=preferred, ratio=ratio_of(work.folds))
        self._running: dict[Future[Outcome], _Running] = {}
        self._ready: list[Trial] = []
        """Asked ahead, where several work: who ends need not wait until that is told."""

    def run(self) -> Leaderboard:
        self._resume()
        try:
            self._try_on()
        except KeyboardInterrupt:
            if self._nothing_yet():
                raise
            log.info("Ended early; %d trials are given up.", len(self._running))
            self._clock.ended_early = True
            for watcher in self._question.watchers:
                watcher.doing("ending early, with the best so far")
        return self._board

    def _try_on(self) -> None:
        while True:
            self._fill()
            if not self._running:
                break
            self._collect()
            if self._time_is_up():
                log.info("The time is up; %d trials are given up.", len(self._running))
                break

    def _nothing_yet(self) -> bool:
        """Say whether no trial but the baseline has a score."""
        scored = [trial for trial, outcome in self._board.rows if outcome.score is not None]
        return all(trial.algorithm_key == "dummy" for trial in scored)

    def _resume(self) -> None:
        if self._question.journal is None:
            return
        for trial, outcome in self._question.journal.replay():
            self._proposals.replay(trial, outcome)
            self._board = self._board.with_row(trial, outcome)
        self._rescore()

    def _fill(self) -> None:
        while len(self._running) < self._crew.size and not self._time_is_up():
            if not self._ready:
                self._ask()
            if not self._ready:
                return
            future = self._hand_out(self._ready.pop(0))
            if self._crew.size == 1 and future.done():
                self._take(future)
        while len(self._ready) < self._crew.size // 2 and self._ask():
            pass

    def _ask(self) -> bool:
        """Get one more trial ready; say whether there is one."""
        trial = self._proposals.next(self._clock, self._board)
        if trial is not None:
            self._ready.append(trial)
        return trial is not None

    def _hand_out(self, trial: Trial) -> Future[Outcome]:
        title = self._work.rows[trial.algorithm_key].title
        for watcher in self._question.watchers:
            watcher.doing(f"trying {title} ({trial.origin})")
        limit = self._limit()
        allowed = float("inf") if limit is None else limit * GRACE + 1
        future = self._crew.ask(trial, limit)
        self._running[future] = _Running(trial, allowed, time.monotonic() + allowed)
        return future

    def _limit(self) -> float | None:
        limit = self._clock.limit()
        return None if limit is None else max(0.05, min(limit, self._clock.left - self._reserve()))

    def _collect(self) -> None:
        """Wait for trials to end, or for the moment when one must be killed or all given up."""
        moments = [running.overdue for running in self._running.values()]
        until = min([*moments, time.monotonic() + self._clock.left - self._reserve()])
        patience = None if until == float("inf") else max(0.0, until - time.monotonic())
        done, _ = wait(self._running, timeout=patience, return_when=FIRST_COMPLETED)
        ended = sorted(done, key=lambda each: self._running[each].trial.number)
        for _ in ended:
            if self._ready and not self._time_is_up():
                self._hand_out(self._ready.pop(0))
        for future in ended:
            self._take(future)
        if self._crew.kill is not None:
            self._end_overdue(self._crew.kill)

    def _end_overdue(self, kill: Callable[[Future[Outcome]], None]) -> None:
        now = time.monotonic()
        for future, running in list(self._running.items()):
            if running.overdue <= now and self._crew.settled(future):
                kill(future)
            elif running.overdue <= now:
                self._running[future] = replace(running, overdue=now + running.allowed)

    def _take(self, future: Future[Outcome]) -> None:
        running = self._running.pop(future)
        outcome = _outcome_of(future, late=running.overdue <= time.monotonic())
        outcome = self._shelved(outcome)
        self._board = self._board.with_row(running.trial, outcome)
        self._rescore()
        outcome = self._board.rows[-1][1]
        self._proposals.tell(running.trial, outcome)
        if self._question.journal is not None:
            self._question.journal.append(running.trial, outcome, spent=self._clock.spent)
        self._tidy()
        log.info("%s", _told(running.trial, outcome))
        for watcher in self._question.watchers:
            watcher.tried(running.trial, outcome, self._board)

    def _shelved(self, outcome: Outcome) -> Outcome:
        """Lay a trial's models down where they wait."""
        shelf = self._question.shelf
        if shelf is not None and outcome.packed is not None:
            shelf.put(outcome.packed)
        elif shelf is not None and outcome.bag is not None:
            shelf.take(outcome.bag)
        return replace(outcome, packed=None)

    def _tidy(self) -> None:
        """Throw away the models of trials that nobody would look at."""
        if self._question.shelf is not None:
            rows = [*ensemble.candidates(self._board), *self._board.ranked[:1]]
            self._question.shelf.keep({outcome.bag for _, outcome in rows})

    def _rescore(self) -> None:
        if self._work.labels is None:
            self._board = rescored(self._board)

    def _reserve(self) -> float:
        """Return the seconds to keep for choosing, and for fitting what must be fitted anew."""
        seconds, best = self._clock.seconds, self._board.best
        if seconds is None:
            return 0.0
        needed = LEAST_RESERVE
        if best is not None and best[1].bag is None:
            needed += ensemble.seconds_to_fit(best[1])
        if self._question.ensemble:
            others = [row[1] for row in ensemble.candidates(self._board) if row[1].bag is None]
            anew = sum(sorted(map(ensemble.seconds_to_fit, others[:MOST_ANEW])))
            needed += CHOOSING_SHARE * seconds + min(anew, FITTING_SHARE * seconds)
        return min(needed, REFIT_SHARE * seconds)

    def _time_is_up(self) -> bool:
        return self._clock.left <= self._reserve()


def _outcome_of(future: Future[Outcome], *, late: bool) -> Outcome:
    """Return a future's outcome; a worker that died is an outcome too."""
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - whatever an engine raises, the search goes on
        log.warning("A worker was lost: %s", error)
        reason = "it took far longer than the seconds a trial may take, and was ended"
        died = "the worker died: out of memory, or ended by somebody"
        return Outcome(None, failure=reason if late else died)


def _told(trial: Trial, outcome: Outcome) -> str:
    end = outcome.failure or f"{outcome.score:.5g} ({outcome.state})"
    return f"Trial {trial.number} {trial.algorithm_key}: {end} in {outcome.seconds:.1f} s"
