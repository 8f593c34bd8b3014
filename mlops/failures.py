"""One table: what every error means to a shell and to HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from mlops.errors import (
    BadEnvironment,
    BadPolicy,
    DataChanged,
    Diverged,
    DoorError,
    Interrupted,
    NoRecipe,
    NoServer,
    NotReproduced,
    PolicyExists,
    PortBusy,
    UnwritableFolder,
)
from pipelines import errors as making
from registry import errors as record


@dataclass(frozen=True, slots=True)
class Failure:
    """How one kind of error leaves the house."""

    exit_code: int
    status: int
    slug: str


FAILURES: dict[type[Exception], Failure] = {
    making.BadSetting: Failure(2, 422, "bad-setting"),
    record.BadRef: Failure(2, 422, "bad-reference"),
    BadEnvironment: Failure(3, 500, "bad-environment"),
    record.UnknownVersion: Failure(4, 404, "unknown-version"),
    making.MissingExtra: Failure(5, 501, "missing-extra"),
    record.Forbidden: Failure(6, 403, "forbidden"),
    record.IllegalMove: Failure(7, 409, "illegal-move"),
    record.GatesFailed: Failure(8, 409, "gates-failed"),
    record.BrokenChain: Failure(9, 500, "broken-audit-chain"),
    making.FileMissing: Failure(10, 404, "file-missing"),
    making.UnknownFormat: Failure(11, 415, "unknown-format"),
    making.UnreadableData: Failure(12, 422, "unreadable-data"),
    making.EmptyTable: Failure(13, 422, "empty-table"),
    making.UnknownColumn: Failure(14, 422, "unknown-column"),
    making.UnsoundData: Failure(15, 422, "unsound-data"),
    making.SchemaMismatch: Failure(16, 422, "schema-mismatch"),
    making.UnknownAlgorithm: Failure(17, 422, "unknown-algorithm"),
    making.UnknownMetric: Failure(18, 422, "unknown-metric"),
    making.AllTrialsFailed: Failure(19, 500, "all-trials-failed"),
    making.BadJournal: Failure(20, 409, "bad-journal"),
    making.BadModel: Failure(21, 409, "bad-model"),
    making.TrackingDown: Failure(22, 503, "tracking-down"),
    making.BadPlan: Failure(23, 422, "bad-plan"),
    making.EngineDown: Failure(24, 503, "engine-down"),
    making.JournalInUse: Failure(74, 409, "journal-in-use"),
    making.UnfaithfulExplanation: Failure(25, 500, "unfaithful-explanation"),
    making.CannotDetect: Failure(70, 422, "cannot-detect"),
    UnwritableFolder: Failure(26, 507, "unwritable-folder"),
    PortBusy: Failure(27, 409, "port-busy"),
    NoServer: Failure(28, 503, "no-server"),
    Diverged: Failure(29, 409, "diverged"),
    record.DatabaseDown: Failure(30, 503, "database-down"),
    record.DatabaseTooNew: Failure(31, 503, "database-too-new"),
    record.SchemaOutdated: Failure(32, 503, "schema-outdated"),
    record.MissingDriver: Failure(33, 501, "missing-driver"),
    record.Conflict: Failure(34, 409, "conflict"),
    record.BadName: Failure(35, 422, "bad-name"),
    record.BadEvidence: Failure(36, 422, "bad-evidence"),
    record.MirrorFailed: Failure(37, 502, "mirror-failed"),
    record.NothingBefore: Failure(38, 409, "nothing-before"),
    record.ClockBehind: Failure(39, 500, "clock-behind"),
    record.AwaitingApproval: Failure(40, 409, "awaiting-approval"),
    record.RequestVoid: Failure(41, 409, "request-void"),
    record.UnknownRequest: Failure(42, 404, "unknown-request"),
    record.Frozen: Failure(43, 409, "frozen"),
    record.ReasonMissing: Failure(44, 422, "reason-missing"),
    BadPolicy: Failure(45, 422, "bad-policy"),
    PolicyExists: Failure(46, 409, "policy-exists"),
    record.BadSeal: Failure(50, 500, "bad-seal"),
    record.BadKey: Failure(51, 500, "bad-key"),
    record.BadExport: Failure(52, 422, "bad-export"),
    record.OutOfScope: Failure(53, 403, "out-of-scope"),
    record.UnknownUser: Failure(54, 404, "unknown-user"),
    record.BadUser: Failure(55, 422, "bad-user"),
    record.UserInactive: Failure(56, 403, "user-inactive"),
    record.BadToken: Failure(57, 401, "bad-token"),
    record.TokenExpired: Failure(58, 401, "token-expired"),
    record.UnknownId: Failure(59, 404, "unknown-id"),
    record.BadWebhook: Failure(60, 422, "bad-webhook"),
    record.Undelivered: Failure(61, 502, "undelivered"),
    record.SecretSealed: Failure(62, 503, "secret-sealed"),
    NotReproduced: Failure(71, 409, "not-reproduced"),
    DataChanged: Failure(72, 409, "data-changed"),
    NoRecipe: Failure(73, 422, "no-recipe"),
    Interrupted: Failure(130, 499, "interrupted"),
    record.DatabaseError: Failure(1, 500, "database-error"),
    DoorError: Failure(1, 500, "door-error"),
    record.RegistryError: Failure(1, 500, "registry-error"),
    making.PipelineError: Failure(1, 500, "pipeline-error"),
}
EXPECTED = (DoorError, record.RegistryError, making.PipelineError)


def failure_of(error: BaseException) -> Failure:
    """Find the row of an error, or of the nearest class above it.

    >>> failure_of(making.FileMissing("a.csv")).exit_code
    10
    """
    return next(FAILURES[cls] for cls in type(error).__mro__ if cls in FAILURES)
