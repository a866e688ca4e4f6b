"""The local stack: servers start, are found again, and `down` ends only what `up` started."""

from __future__ import annotations

import json
import socket
import urllib.request

from kafka import KafkaConsumer

from deploy.local import StackInfo, load, status


def test_all_three_servers_answer(stack: StackInfo) -> None:
    consumer = KafkaConsumer(bootstrap_servers=stack.kafka)
    assert consumer.topics() == set()
    consumer.close()
    with urllib.request.urlopen(f"{stack.elasticsearch_url}/_cluster/health", timeout=5) as answer:
        assert json.load(answer)["number_of_nodes"] == 1
    with socket.create_connection(("127.0.0.1", stack.ports.redis), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(16) == b"+PONG\r\n"


def test_another_command_finds_the_running_servers(stack: StackInfo) -> None:
    assert load(stack.root) == stack
    assert {server.name: server.state for server in status(stack.root)} == {
        "elasticsearch": "running",
        "kafka": "running",
        "redis": "running",
    }
