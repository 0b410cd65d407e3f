"""Schemathesis against the OpenAPI document of a running server."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

EXAMPLES = 3
NOT_IN_A_SCHEMA = [positive_data_acceptance]
"""A schema cannot say which bytes are a picture, or which text names an action unit."""
few = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def schema(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def _answered_as_declared(case):
    case.call_and_validate(excluded_checks=NOT_IN_A_SCHEMA)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_as_declared(schema, mode):
    seen = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and operation.method != "post":
            continue  # there is nothing that could be wrong
        cases = operation.as_strategy(generation_mode=mode)
        few(given(case=cases)(_answered_as_declared))()
        seen += 1
    assert seen


def test_what_is_read_is_as_declared(schema, client, data_url):
    read = client.post("/v1/analyze", json={"image": data_url, "evidence": True})
    changed = client.post("/v1/whatif", json={"image": data_url, "adding": ["AU4"]})
    for path, answer in (("/v1/analyze", read), ("/v1/whatif", changed)):
        assert answer.status_code == 200
        schema[path]["POST"].validate_response(answer)
