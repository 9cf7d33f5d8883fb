"""`impasto studio`: an address at once, one studio for a folder, and an end that forgets nothing."""

import asyncio
import os
import re
import signal
import socket
import sys
import time
import warnings
from contextlib import contextmanager

import httpx
import numpy as np
import pytest
from in_studio import TOKEN, png

import warm
from impasto.studio.server import Server, name_elsewhere, quiet


@contextmanager
def started(folder, *options, begin=warm.Popen, **environment):
    command = ["-m", "impasto", "studio", "--folder", folder, *options]
    known = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
    with begin(command, text=True, env=known, stdout=warm.PIPE, stderr=warm.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def address(process):
    return re.search(r"(http://[\w.:\[\]]+)/#(\S+)", process.stdout.readline()).groups()


def test_an_address_at_once_and_a_quiet_end(tmp_path):
    began = time.perf_counter()
    with started(tmp_path, "--port", "0", begin=warm.anew) as process:
        home, token = address(process)
        assert time.perf_counter() - began < 6, "2 on a machine that has nothing else to do"
        assert home.startswith("http://127.0.0.1:") and len(token) >= 32
        assert httpx.get(home).status_code == 200
        assert httpx.get(f"{home}/runs", headers={"authorization": f"Bearer {token}"}).json() == []
        with started(tmp_path, "--port", "0") as other:
            assert other.wait(20) == 2
            assert "Another studio is at work in" in other.stderr.read()
        client = httpx.Client(base_url=home, headers={"authorization": f"Bearer {token}"}, timeout=60)
        photo = client.post("/pictures", files={"picture": png(np.tri(64, 64) * 200)}).json()["id"]
        body = {"content": photo, "styles": ["swatch:ink-wash"], "settings": {"size": 64, "iterations": 9000}}
        run = client.post("/runs", json=body).json()["id"]
        with client.stream("GET", f"/runs/{run}/events") as answer:
            lines = answer.iter_lines()
            assert any(line == "event: step" for line in lines)
            process.send_signal(signal.SIGTERM)
            states = [line for line in lines if line.startswith("data: ") and '"state"' in line]
        assert '"state": "stopped"' in states[-1], "who listens hears how it was left"
        client.close()
        assert process.wait(60) == 0  # it waits for what is being loaded
        assert process.stderr.read() == f"Closed; pictures and runs are in {tmp_path}.\n"
    assert not (tmp_path / "lock").exists()


def test_who_ends_it_at_once_sees_no_warning(tmp_path):
    """uvicorn makes its coroutine before there is a loop; the signal may come between the two."""
    for pause in (0.0, 0.02, 0.1, 0.3):
        with started(tmp_path, "--port", "0", begin=warm.anew) as process:
            address(process)
            time.sleep(pause)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0  # it waits for what is being loaded
            assert process.stderr.read() == f"Closed; pictures and runs are in {tmp_path}.\n"


def test_what_is_ended_before_it_begins_has_nothing_to_await(monkeypatch):
    def interrupted(runner, coroutine):
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio.Runner, "run", interrupted)
    with pytest.raises(KeyboardInterrupt), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Server(quiet(print), queue=None).run(sockets=[])
    assert [str(each.message) for each in said if "never awaited" in str(each.message)] == []


def test_answers_are_sent_at_once(idle):
    """On a connection that stays, a second packet would else wait 40 ms for the first one's receipt."""
    seconds = []
    for _ in range(8):
        began = time.perf_counter()
        idle.client.get("/runs")
        seconds.append(time.perf_counter() - began)
    assert min(seconds[1:]) < 0.02


def test_a_token_of_ones_own_and_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with started(tmp_path, "--port", port) as process:
            assert process.wait(20) == 2
            assert f"127.0.0.1, port {port}: Address already in use. Choose another --port" in process.stderr.read()
    with started(tmp_path, "--host", "nowhere.invalid") as process:
        assert process.wait(20) == 2
        assert "Name an address of this computer: --host 127.0.0.1" in process.stderr.read()
    with started(tmp_path, "--port", "0", IMPASTO_STUDIO_TOKEN=TOKEN) as process:
        assert address(process)[1] == TOKEN


def test_other_computers_are_let_in_with_a_warning(tmp_path):
    with started(tmp_path, "--port", "0", "--host", "0.0.0.0") as process:
        home, token = address(process)
        elsewhere = process.stdout.readline()
        assert re.fullmatch(rf"For telephones and other computers here  http://[\d.]+:\d+/#{token}\n", elsewhere) or (
            elsewhere == "Ctrl-C ends it.\n" and not name_elsewhere("0.0.0.0")  # without any network
        )
        assert "whoever has this address can use it" in process.stderr.readline()
        assert httpx.get(f"{home}/runs").status_code == 401
        headers = {"authorization": f"Bearer {token}", "host": "evil.example"}
        assert httpx.get(f"{home}/runs", headers=headers).status_code == 400


@pytest.mark.parametrize("name", ["uvicorn", "starlette"])
def test_without_the_extra_it_says_what_to_install(impasto, monkeypatch, name):
    for module in [each for each in sys.modules if each.startswith("impasto.studio.server")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    for module in [each for each in sys.modules if each.startswith(("impasto.studio.app", f"{name}."))]:
        monkeypatch.delitem(sys.modules, module)
    code, _, said = impasto("studio", "--port", "0")
    assert code == 2 and f"The studio needs {name}" in said and "pip install 'impasto[studio]'" in said
