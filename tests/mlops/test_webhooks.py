"""Events reach a real receiver: signed, once it is there, in order, and nobody who must not."""

import base64
import importlib.util
import json
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from mlops import posting, webhooks
from mlops.errors import BadEnvironment
from mlops.settings import Settings
from mlops.workspace import Workspace
from pipelines.errors import BadSetting
from registry import outbox, sealing
from registry.deliveries import State
from registry.errors import BadWebhook, SecretSealed, Undelivered
from registry.permissions import Role

_path = Path(__file__).parents[2] / "benchmarks" / "webhooks.py"
_spec = importlib.util.spec_from_file_location("webhook_storm", _path)
storm = importlib.util.module_from_spec(_spec)
sys.modules["webhook_storm"] = storm
_spec.loader.exec_module(storm)


@pytest.fixture
def ws(tmp_path):
    """A workspace in a folder of its own."""
    url = f"sqlite:///{tmp_path}/mlflow.db"
    made = Workspace.open(Settings(tracking_uri=url, home=tmp_path, user="ada"))
    yield made
    made.engine.dispose()


@pytest.fixture
def receiver(ws):
    """A receiver that is up and was added."""
    made = storm.Receiver()
    made.secret = webhooks.add(made.up(), workspace=ws).secret
    yield made
    made.down()


def happen(ws, count=1, name="risk"):
    """Let something happen, as a journey does."""
    for number in range(count):
        with ws.session() as session, session.begin():
            outbox.add(session, name, "moved", {"ref": f"{name}/{number}", "to": "staging"})
    with webhooks.telling(ws):
        pass


def test_a_change_is_told_before_its_command_ends(ws, receiver):
    happen(ws, 3)
    assert [event["data"]["ref"] for event in receiver.got] == ["risk/0", "risk/1", "risk/2"]
    assert {one.state for one in webhooks.history(workspace=ws)} == {State.DELIVERED}
    assert webhooks.deliver(workspace=ws) == webhooks.Told()


def test_the_how_to_page_checks_a_signature_rightly():
    page = (_path.parents[1] / "docs" / "how-to" / "webhooks.md").read_text()
    shown: dict = {}
    exec(re.search("```python\n(.*?)```", page, re.DOTALL)[1], shown)  # noqa: S102 - our own page
    secret = f"whsec_{base64.b64encode(b'0123456789abcdef').decode()}"
    now = storm.datetime.now(storm.UTC)
    headers = storm.webhooks.headers(secret, "evt_1", now, b'{"a":1}')
    assert shown["is_genuine"](secret, headers, b'{"a":1}')
    assert not shown["is_genuine"](secret, headers, b'{"a":2}')
    old = storm.webhooks.headers(secret, "evt_1", now - timedelta(hours=1), b"")
    assert not shown["is_genuine"](secret, old, b"")


@pytest.mark.parametrize("status", [301, 400, 503])
def test_a_receiver_that_does_not_take_an_event_gets_it_again_under_the_same_id(
    ws, receiver, status
):
    receiver.status = status
    happen(ws)
    [kept] = webhooks.history(workspace=ws, state=State.WAITING)
    assert (kept.attempts, kept.status) == (1, status)
    assert f"answered {status}" in kept.error
    receiver.status = 200
    assert webhooks.deliver(workspace=ws).delivered == 1
    assert receiver.got[0]["id"] == kept.event


def test_a_receiver_that_is_down_fails_nothing_and_is_told_later(ws, receiver):
    receiver.down()
    happen(ws, 2)
    assert webhooks.deliver(workspace=ws) == webhooks.Told(0, 1, waiting=True)
    receiver.up()
    assert webhooks.deliver(workspace=ws).delivered == 2


def test_a_receiver_that_never_answers_holds_up_a_command_for_a_moment_only(ws, monkeypatch):
    monkeypatch.setattr(webhooks, "_SOON", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        webhooks.add(f"http://127.0.0.1:{deaf.getsockname()[1]}/", workspace=ws)
        happen(ws)
        deadline = time.monotonic() + 240
        while not (kept := webhooks.history(workspace=ws)[0]).attempts:
            assert time.monotonic() < deadline
            webhooks.deliver(patience=0.2, workspace=ws)
    assert kept.state is State.WAITING


def test_a_receiver_that_answers_byte_by_byte_is_cut_off():
    def drip(server):
        connection, _ = server.accept()
        with connection:
            try:
                while True:
                    connection.sendall(b"H")
                    time.sleep(0.05)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=[server], daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(Undelivered):
            posting.post(url, b"{}", {}, timeout=0.3)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://host/x", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("host/path", "only http and https"),
        ("https://", "names no host"),
        ("https://ada:secret@host/x", "password"),
        ("https://host:99999/", "[Pp]ort"),
        ("https://host/ä", "plain ASCII"),
        ("https://host/a\r\nX-Evil: 1", "plain ASCII"),
        ("https://host/" + "x" * 2000, "longer"),
        ("http://169.254.169.254/latest/meta-data/", "no receiver may be"),
        ("http://[fe80::1]/", "no receiver may be"),
        ("http://[::ffff:169.254.169.254]/", "no receiver may be"),
        ("http://[fd00:ec2::254]/", "no receiver may be"),
        ("http://100.100.100.200/", "no receiver may be"),
        ("http://0.0.0.0/", "no receiver may be"),
        ("http://224.0.0.1/", "no receiver may be"),
        ("http://[64:ff9b::a9fe:a9fe]/", "no receiver may be"),
    ],
)
def test_an_address_that_no_event_may_go_to_is_refused(ws, url, told):
    with pytest.raises(BadWebhook, match=told) as caught:
        webhooks.add(url, workspace=ws)
    assert "secret" not in str(caught.value)
    assert webhooks.page(workspace=ws) == []


def test_a_name_that_leads_to_a_forbidden_address_is_not_connected_to(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("it connected"))
    with pytest.raises(BadWebhook, match=r"169\.254\.169\.254"):
        posting.post("http://metadata.example.org/", b"", {}, timeout=1)


def test_whole_addresses_are_shown_to_those_who_manage_them(ws, receiver):
    assert webhooks.page(workspace=ws)[0]["url"].endswith("/hook")
    viewer = Workspace.open(ws.settings.model_copy(update={"role": Role.VIEWER}))
    assert webhooks.page(workspace=viewer)[0]["url"].endswith("/...")
    viewer.engine.dispose()


def test_a_kind_of_event_that_is_none_is_named(ws):
    with pytest.raises(BadSetting, match=r"--event cannot be 'mvoed'\. It is one of"):
        webhooks.add("https://host.example.org/", kinds=["mvoed"], workspace=ws)


def test_the_commands_add_try_out_and_deliver(ws, receiver, tmp_path):
    env = {
        "MLFLOW_TRACKING_URI": ws.tracking_uri, "MLOPS_HOME": str(tmp_path),
        "MLOPS_USER": "ada", "PATH": "",
    }  # fmt: skip

    def mlops(*words):
        command = [sys.executable, "-m", "mlops", "webhooks", *words, "--json"]
        run = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        return run.returncode, json.loads(run.stdout)

    assert mlops("test", "1") == (0, {"webhook": 1, "status": 204})
    assert receiver.got[0]["type"] == "test"
    receiver.down()
    code, told = mlops("test", "1")
    assert (code, told["error"]) == (61, "undelivered")
    happen(ws)
    receiver.up()
    code, told = mlops("deliver")
    assert (code, told) == (0, {"delivered": 1, "failed": 0, "waiting": False})
    assert mlops("deliveries", "--state", "delivered")[1][0]["kind"] == "moved"


def with_key(ws, *keys):
    chosen = ws.settings.model_copy(update={"secret_key": SecretStr(",".join(keys))})
    return replace(ws, settings=chosen)


def test_events_that_cannot_be_signed_wait_for_who_has_the_key_and_others_are_told(ws, receiver):
    key = sealing.make_key()
    assert [one.id for one in webhooks.seal(workspace=with_key(ws, key))] == [1]
    other = storm.Receiver()
    other.secret = webhooks.add(other.up(), workspace=ws).secret
    happen(ws, 2)
    with pytest.raises(SecretSealed, match=sealing.fingerprint(key)):
        webhooks.deliver(workspace=ws)
    with pytest.raises(SecretSealed):
        webhooks.try_out(1, workspace=ws)
    assert (len(receiver.got), len(other.got)) == (0, 2)
    waiting = webhooks.history(workspace=ws, state=State.WAITING)
    assert [(one.webhook, one.attempts) for one in waiting] == [(1, 0), (1, 0)]
    assert webhooks.deliver(workspace=with_key(ws, key)).delivered == 2
    assert [event["data"]["ref"] for event in receiver.got] == ["risk/0", "risk/1"]
    other.down()


def test_a_new_webhook_is_sealed_where_there_is_a_key(ws):
    key = sealing.make_key()
    webhooks.add("https://host.example.org/", workspace=with_key(ws, key))
    assert webhooks.page(workspace=ws)[0]["sealed_by"] == sealing.fingerprint(key)


def test_nothing_is_sealed_without_a_key(ws):
    with pytest.raises(BadEnvironment, match=r"MLOPS_SECRET_KEY .*mlops webhooks key"):
        webhooks.seal(workspace=ws)


def test_no_event_is_lost_or_out_of_order_when_everybody_is_killed_now_and_then(tmp_path):
    seen = storm.storm(f"sqlite:///{tmp_path}/storm.db", promotions=12, kills=2, models=2)
    assert seen["events"] == 12
