"""docker-compose.yml against the JSON schema of the Compose specification, and against what we promise about it.

No Docker engine is needed or used; whether the images behave is not tested here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
ROLES = ("classify", "trends", "index", "notify", "desk")
SERVERS = {
    "kafka": "apache/kafka:4.3.1",
    "valkey": "valkey/valkey:9.0.8",
    "elasticsearch": "elasticsearch:9.5.1",
    "kibana": "kibana:9.5.1",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((Path(__file__).parent / "schemas" / "compose-spec.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def test_the_file_follows_the_compose_specification(
    compose: dict[str, Any], validator: jsonschema.Draft202012Validator
) -> None:
    assert [error.message for error in validator.iter_errors(compose)] == []


def test_the_schema_refuses_a_mistyped_key(compose: dict[str, Any], validator: jsonschema.Draft202012Validator) -> None:
    kafka = compose["services"]["kafka"] | {"volume": []}
    broken = compose | {"services": compose["services"] | {"kafka": kafka}}
    assert not validator.is_valid(broken)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_one_service(compose: dict[str, Any], role: str) -> None:
    service = compose["services"][role]
    assert service["command"] == ["worker", role]
    assert service["depends_on"]["topics"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("server", SERVERS)
def test_servers_are_pinned_and_keep_their_data(compose: dict[str, Any], server: str) -> None:
    service = compose["services"][server]
    assert service["image"] == SERVERS[server]
    if server != "kibana":  # which keeps all it has in Elasticsearch
        volume = service["volumes"][0].partition(":")[0]
        assert volume in compose["volumes"]


def test_nothing_listens_beyond_this_host(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_lasting_service_has_a_health_check(compose: dict[str, Any]) -> None:
    lasting = {name: service for name, service in compose["services"].items() if service["restart"] != "no"}
    assert [name for name, service in lasting.items() if "test" not in service["healthcheck"]] == []


def test_roles_are_told_where_the_servers_are_in_names_that_exist(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for role in ROLES:
        environment = services[role]["environment"]
        assert environment["GROUNDSWELL_KAFKA__BOOTSTRAP"].partition(":")[0] in services
        for name in ("GROUNDSWELL_REDIS__URL", "GROUNDSWELL_ELASTICSEARCH__URL"):
            assert environment[name].split("//")[1].partition(":")[0] in services
