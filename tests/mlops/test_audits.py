"""The audit log's journeys on a workspace of their own."""

import json
import sqlite3
import stat
import subprocess
import sys

import pytest

from mlops import audits, people
from mlops.settings import Settings
from mlops.workspace import Workspace
from registry import audit
from registry.errors import BadKey, BadRef, BadSeal, BrokenChain
from registry.permissions import Role


@pytest.fixture
def ws(tmp_path):
    """A workspace in a folder of its own."""
    chosen = Settings(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", home=tmp_path, user="ada")
    made = Workspace.open(chosen)
    yield made
    made.engine.dispose()


def write(ws, count=3):
    """Write entries as a journey would, checkpoint and all."""
    for number in range(count):
        with ws.session() as session, session.begin():
            audit.append(session, by=ws.by, action="register", subject=f"risk/{number}", detail={})
        audits.note(ws)


def cut_off(ws, number):
    """Cut off the end of the log, as the database's owner can."""
    path = ws.settings.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("drop trigger mlops_audit_no_delete")
        connection.execute("delete from mlops_audit where number > ?", [number])
    connection.close()


def test_without_a_key_nothing_is_kept_and_the_answer_says_so(ws):
    write(ws)
    assert audits.verify(workspace=ws) == audits.Verified(entries=3, checkpoints=0, others=0)
    assert not (ws.settings.home / "audit").exists()


def test_with_a_key_every_change_leaves_a_checkpoint_and_a_cut_off_end_shows(ws):
    audits.key(settings=ws.settings)
    write(ws, 2)
    people.add("ada", Role.ADMIN, workspace=ws)
    assert audits.verify(workspace=ws).checkpoints == 3
    cut_off(ws, 2)
    for look in (audits.verify, audits.checkpoint):
        with pytest.raises(BrokenChain, match="entry 3 is missing"):
            look(workspace=ws)


def test_the_private_key_is_its_owners_alone_and_is_made_once(ws):
    first = audits.key(settings=ws.settings)
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert audits.key(settings=ws.settings) == first
    assert first.public.startswith("-----BEGIN PUBLIC KEY-----")


def test_a_checkpoint_of_an_end_that_is_known_is_not_written_twice(ws):
    write(ws, 1)
    assert audits.checkpoint(workspace=ws) == audits.checkpoint(workspace=ws)
    assert audits.verify(workspace=ws).checkpoints == 1


def test_a_changed_checkpoint_shows(ws):
    write(ws)
    audits.checkpoint(workspace=ws)
    kept = ws.settings.home / "audit" / "checkpoints.jsonl"
    kept.write_text(kept.read_text().replace('"number":3', '"number":2'))
    with pytest.raises(BadSeal, match="entry 2"):
        audits.verify(workspace=ws)


def test_checkpoints_of_another_database_are_left_aside(ws, tmp_path):
    write(ws)
    audits.checkpoint(workspace=ws)
    chosen = ws.settings.model_copy(update={"database": f"sqlite:///{tmp_path}/other.db"})
    other = Workspace.open(chosen)
    assert audits.verify(workspace=other) == audits.Verified(entries=0, checkpoints=0, others=1)
    other.engine.dispose()


def test_an_export_is_verified_offline_with_the_public_key_alone(ws, tmp_path):
    write(ws)
    made = audits.export(tmp_path / "audit.jsonl", workspace=ws)
    public = tmp_path / "public.pem"
    public.write_text(audits.key(settings=ws.settings).public)
    elsewhere = Settings(home=tmp_path / "auditor", tracking_uri="sqlite:////nowhere/at/all.db")
    found = audits.verify_export(tmp_path / "audit.jsonl", public, settings=elsewhere)
    assert (found.entries, found.key, found.sealed_at) == (3, made.key, made.at)
    with pytest.raises(BadKey, match=r"public\.pem.*cannot be read"):
        audits.verify_export(tmp_path / "audit.jsonl", settings=elsewhere)


def test_the_log_of_one_user_or_version_is_asked_for_by_its_name(ws):
    write(ws)
    people.add("rita", Role.RELEASER, workspace=ws)
    assert [e.action for e in audits.log(ws, subject="@users/rita")] == ["add user"]
    assert [e.number for e in audits.log(ws, subject="risk/1")] == [2]
    with pytest.raises(BadRef):
        audits.log(ws, subject="no/ref/at all")


def test_the_commands_say_what_the_journeys_found(ws, tmp_path):
    write(ws)
    env = {"MLFLOW_TRACKING_URI": ws.tracking_uri, "MLOPS_HOME": str(tmp_path), "PATH": ""}

    def mlops(*words):
        command = [sys.executable, "-m", "mlops", "audit", *words, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        return done.returncode, json.loads(done.stdout)

    code, page = mlops("log", "--model", "risk", "--since", "1h", "--limit", "2")
    assert (code, [entry["number"] for entry in page]) == (0, [3, 2])
    code, _ = mlops("export", str(tmp_path / "audit.jsonl"))
    lines = (tmp_path / "audit.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "audit.jsonl").write_text("".join(lines[:2] + lines[3:]))
    code, told = mlops("verify", str(tmp_path / "audit.jsonl"))
    assert (code, told["error"]) == (9, "broken-audit-chain")
