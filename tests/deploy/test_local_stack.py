"""The local stack: servers start, are found again, never collide, and `down` ends only what `up` started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from deploy.local import LocalStackError, Ports, Stack, StackInfo, down, load, status
from deploy.local.access import is_reachable, reachable_folder
from deploy.local.fetch import kafka_jars
from deploy.local.java import find_java
from deploy.local.processes import ProcessId, identify, is_alive

REPOSITORY = Path(__file__).resolve().parents[2]
REDIS = ("redis",)


def ask_redis(port: int, command: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(4096).decode()


@pytest.fixture
def redis_stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "stack")
    yield stack
    stack.down()


def test_all_three_servers_answer(stack: StackInfo) -> None:
    consumer = KafkaConsumer(bootstrap_servers=stack.kafka)
    assert isinstance(consumer.topics(), set)
    consumer.close()
    with urllib.request.urlopen(f"{stack.elasticsearch_url}/_cluster/health", timeout=5) as answer:
        assert json.load(answer)["number_of_nodes"] == 1
    assert ask_redis(stack.ports.redis, "PING") == "+PONG\r\n"


def test_another_command_finds_the_running_servers(stack: StackInfo) -> None:
    assert load(stack.root) == stack
    states = {server.name: server.state for server in status(stack.root)}
    assert states == {"elasticsearch": "running", "kafka": "running", "redis": "running"}


def test_servers_listen_on_loopback_only(stack: StackInfo) -> None:
    ours = {process.pid for process in stack.processes.values()}
    inodes = {
        os.readlink(link)
        for pid in ours
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if os.readlink(link).startswith("socket:")
    }
    beyond = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            listening, address = fields[3] == "0A", fields[1].partition(":")[0]
            if listening and f"socket:[{fields[9]}]" in inodes and not address.endswith(("0100007F", "7F000001")):
                beyond.append(fields[1])
    assert [address for address in beyond if not address.startswith("0000000000000000FFFF00000100007F")] == []


@pytest.mark.servers
def test_stacks_that_start_at_once_share_no_port(tmp_path: Path) -> None:
    stacks = [Stack(tmp_path / name) for name in "abcd"]
    try:
        with ThreadPoolExecutor() as pool:
            infos = list(pool.map(lambda stack: stack.up(free_ports=True, only=REDIS), stacks))
        ports = [port for info in infos for port in vars(info.ports).values()]
        assert len(set(ports)) == len(ports)
        assert {ask_redis(info.ports.redis, "PING") for info in infos} == {"+PONG\r\n"}
    finally:
        for stack in stacks:
            assert stack.down() == ["redis"]


@pytest.mark.servers
def test_a_killed_server_comes_back_on_its_port_with_its_data(redis_stack: Stack) -> None:
    info = redis_stack.up(free_ports=True, only=REDIS)
    ask_redis(info.ports.redis, "SET kept yes")
    ask_redis(info.ports.redis, "BGREWRITEAOF")  # writes the file out now
    ask_redis(info.ports.redis, "SHUTDOWN NOSAVE")
    while is_alive(info.processes["redis"]):
        time.sleep(0.01)
    assert {server.name: server.state for server in redis_stack.status()}["redis"] == "stopped"
    again = redis_stack.up(ports=info.ports, only=REDIS)
    assert again.ports == info.ports
    assert ask_redis(again.ports.redis, "GET kept") == "$3\r\nyes\r\n"


@pytest.mark.servers
def test_up_twice_starts_nothing_new(redis_stack: Stack) -> None:
    first = redis_stack.up(free_ports=True, only=REDIS)
    assert redis_stack.up(only=REDIS) == first


@pytest.mark.servers
def test_a_server_that_cannot_start_shows_the_end_of_its_log(redis_stack: Stack) -> None:
    folder = redis_stack.root / "redis"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof").write_text("no such command\n", encoding="ascii")
    with pytest.raises(LocalStackError, match=r"redis ended while starting(.|\n)*Bad file format"):
        redis_stack.up(free_ports=True, only=REDIS)
    assert redis_stack.down() == []


@pytest.mark.servers
def test_an_interrupted_up_leaves_no_server_behind(tmp_path: Path) -> None:
    cache = REPOSITORY / ".groundswell" / "cache"
    script = "from pathlib import Path; from deploy.local import *; "
    script += f"Stack(Path({str(tmp_path)!r}), Path({str(cache)!r})).up(free_ports=True, only=['kafka', 'redis'])"
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stderr=subprocess.DEVNULL) as command:
        while "kafka" not in (started := seen(tmp_path)):
            assert command.poll() is None
            time.sleep(0.02)
        command.send_signal(signal.SIGINT)
    assert command.returncode != 0
    assert [name for name, process in started.items() if is_alive(process)] == []
    assert seen(tmp_path) == {}


def seen(root: Path) -> dict[str, ProcessId]:
    info = load(root)
    return info.processes if info else {}


def test_a_frozen_server_is_unhealthy_and_not_running(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        process = identify(other.pid)
        assert process is not None
        write_state(tmp_path, pid=process.pid, started=process.started)
        assert {server.name: server.state for server in status(tmp_path)}["redis"] == "unhealthy"
        assert down(tmp_path) == ["redis"]
    assert not is_alive(process)


def test_down_spares_a_process_that_only_has_the_same_id(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        write_state(tmp_path, pid=other.pid, started="1")
        assert down(tmp_path) == []
        assert other.poll() is None
        other.terminate()


def test_down_where_nothing_runs_is_no_error(tmp_path: Path) -> None:
    assert down(tmp_path) == []


def test_a_broken_state_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{}", encoding="ascii")
    with pytest.raises(LocalStackError, match=r"stack\.json cannot be read"):
        status(tmp_path)


@pytest.mark.servers
def test_a_taken_port_is_named(redis_stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalStackError, match=rf"port {port} for redis is in use .*--free-ports"):
            redis_stack.up(ports=replace(Ports(), redis=port), only=REDIS)


def test_missing_java_says_what_is_there_and_what_to_install() -> None:
    with pytest.raises(LocalStackError, match=r"^Java 99 or newer is missing \(Kafka needs it; found: .*\): install"):
        find_java(99, "Kafka")


def fake_maven(folder: Path, script: str) -> None:
    program = folder / "mvn"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    program.chmod(0o755)


def test_missing_maven_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalStackError, match=r"^Maven is missing .*: apt-get install maven$"):
        kafka_jars(tmp_path / "cache", print)


def test_a_download_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_maven(tmp_path, "echo '[ERROR] no route to host'; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LocalStackError, match=r"Maven could not fetch .*: no route to host$"):
        kafka_jars(tmp_path / "cache", print)
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_a_file_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_maven(tmp_path, "mkdir made && echo evil > made/kafka_2.13-4.3.1.jar")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LocalStackError, match=r"other files than artifacts\.sha256 lists"):
        kafka_jars(tmp_path / "cache", print)
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_elasticsearch_gets_folders_that_its_user_can_reach(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    folder = reachable_folder(private / "node")
    try:
        assert is_reachable(folder)
        assert folder == reachable_folder(private / "node")
    finally:
        folder.rmdir()


def write_state(root: Path, pid: int, started: str) -> None:
    state = {"ports": vars(Ports(1, 2, 3, 4)), "processes": {"redis": {"pid": pid, "started": started}}}
    (root / "stack.json").write_text(json.dumps(state), encoding="ascii")
