"""G3: whatever is wrong with a key, the answer is the same, and no key is ever written down."""

import logging
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from serving import access
from serving.__main__ import main
from tests.serving.served import bearing, new_key, publish_day, running, serving_settings

ROUTE = "/v1/runs"
KEPT_FOR = 0.3


@dataclass
class Door:
    """A server, the keys of it, and everything that was logged since."""

    client: httpx.Client
    app: FastAPI
    home: Path
    keys: dict[str, str]
    log: pytest.LogCaptureFixture

    def asks(self, key: str) -> httpx.Response:
        return self.client.get(ROUTE, headers=bearing(key))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("g3")
    publish_day(serving_settings(home), 0)
    return home


@pytest.fixture
def door(home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    monkeypatch.setattr(access, "REMEMBERED_SECONDS", KEPT_FOR)
    caplog.set_level(logging.DEBUG)
    with running(serving_settings(home)) as (client, app):
        ledger, tag = app.state.ledger, str(time.monotonic_ns())
        keys = {
            "good": new_key(ledger, f"good {tag}", "runs:read"),
            "expired": new_key(ledger, f"old {tag}", "runs:read", minutes=-1),
            "revoked": new_key(ledger, f"gone {tag}", "runs:read"),
        }
        ledger.revoke_keys(keys["revoked"].split("_")[1], by="test")
        yield Door(client, app, home, keys, caplog)
        logged = [
            f"{record.getMessage()} {record.exc_text or ''}".encode()
            for record in caplog.get_records("call")
            # what the test's own client says of its requests
            if not record.name.startswith("http")
        ]
        assert len([line for line in logged if b"GET /v1/" in line]) >= 1, "the server's own log is not seen"
        kept = [path.read_bytes() for path in home.rglob("ledger/*")]
        assert len(kept) >= 3
        written = [*logged, *kept]
        for key in keys.values():
            secret = key.rpartition("_")[2].encode()
            assert not [1 for text in written if secret in text], "a key was written down"


def test_g3_whatever_is_wrong_with_a_key_is_answered_alike(door: Door) -> None:
    good = door.keys["good"]
    assert door.asks(good).status_code == 200
    wrong = {
        "another secret": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "no such key_id": good.replace(good.split("_")[1], "0" * 16),
        "other case": good.upper(),
        "cut short": good[:-2],
        "expired": door.keys["expired"],
        "revoked": door.keys["revoked"],
        "not a key": "' or 1=1 --",
    }
    answers = {name: door.asks(key) for name, key in wrong.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(wrong, 401)
    assert len({answer.text for answer in answers.values()}) == 1, "the answer tells what is wrong"
    assert answers["expired"].headers["www-authenticate"].startswith("Bearer")


def test_g3_a_key_that_is_sent_in_another_way_opens_nothing(door: Door) -> None:
    good = door.keys["good"]
    for headers in ({}, {"X-Api-Key": good}, {"Authorization": f"Basic {good}"}, {"Authorization": good}):
        assert door.client.get(ROUTE, headers=headers).status_code == 401
    assert door.client.get(ROUTE, headers={"aUTHORIZATION": f"bEARER {good}"}).status_code == 200


@pytest.mark.parametrize("name", ["key", "API_KEY", "access_token", "anything"])
def test_g3_a_key_in_the_address_is_refused_and_said_so(door: Door, name: str) -> None:
    good = door.keys["good"]
    told = door.client.get(ROUTE, params={name: good}, headers=bearing(good))
    assert (told.status_code, told.json()["code"]) == (400, "key_in_query")
    assert "revoke" in told.json()["todo"]
    told = door.client.get(f"/v1/{good}", headers=bearing(good))
    assert told.status_code == 404


def test_g3_headers_without_end_are_refused(door: Door) -> None:
    told = door.client.get(ROUTE, headers={"X-Much": "a" * 20_000})
    assert told.status_code in (400, 431)
    address = (str(door.client.base_url.host), door.client.base_url.port or 0)
    taken = 0
    with socket.create_connection(address, timeout=30) as line, pytest.raises(OSError, match=r"reset|pipe"):
        line.sendall(b"GET /v1/runs HTTP/1.1\r\nHost: x\r\nX-Much: ")
        for _ in range(1_000):
            line.sendall(b"a" * 10_000)
            taken += 10_000
            time.sleep(0.002)
    assert taken < 10_000_000
    assert door.asks(door.keys["good"]).status_code == 200, "the others are served on"


def test_g3_guessing_is_shut_out_and_known_keys_go_on(door: Door) -> None:
    good = door.keys["good"]
    assert door.asks(good).status_code == 200
    guesses = [door.asks(f"hfk_{number:016x}_{number:064x}") for number in range(15)]
    statuses = [guess.status_code for guess in guesses]
    assert statuses == [401] * 10 + [429] * 5
    assert int(guesses[-1].headers["retry-after"]) > 60
    fresh = new_key(door.app.state.ledger, f"fresh {time.monotonic_ns()}", "runs:read")
    assert door.asks(fresh).status_code == 429, "an unknown key tells nothing while the address is shut out"
    time.sleep(KEPT_FOR)
    assert door.asks(good).status_code == 200


def test_g3_two_keys_live_while_one_is_rotated_and_a_revoked_one_ends_at_once(
    door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_HOME", str(door.home))
    name = f"tool {time.monotonic_ns()}"
    assert main(["key", "create", name, "--scope", "runs:read"]) == 0
    first = capsys.readouterr().out.strip()
    assert main(["key", "rotate", name, "--grace-hours", "1"]) == 0
    second = capsys.readouterr().out.strip()
    assert re.fullmatch(r"hfk_[0-9a-f]{16}_[0-9a-f]{64}", second)
    assert [door.asks(key).status_code for key in (first, second)] == [200, 200]
    assert main(["key", "revoke", first.split("_")[1]]) == 0
    time.sleep(KEPT_FOR)
    assert [door.asks(key).status_code for key in (first, second)] == [401, 200]
    capsys.readouterr()
    assert main(["key", "list"]) == 0
    told = capsys.readouterr().out
    assert name in told
    assert first not in told
    assert second.rpartition("_")[2] not in told
    door.keys |= {"first": first, "second": second}
