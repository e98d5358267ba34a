"""The API keeps what its OpenAPI description promises, whatever it is asked."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import psycopg
import pytest
import schemathesis
from schemathesis import checks
from schemathesis.core.parameters import ParameterLocation

from api.app import create_app
from bypuls.readings import SECOND
from bypuls.settings import ApiSettings, OpenDataSettings
from bypuls.store.database import Database
from testbed import Databases
from testbed.client import Client, served
from testbed.filling import NEW_YEAR, put, register

TOKEN = "token"


@pytest.fixture(scope="module")
def api(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        number = register(url, "air-01", "no2", latitude=59.953, longitude=11.0495)["no2"]
        put(url, number, [NEW_YEAR + n * SECOND for n in range(100)])
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO quarantine"
                " (digest, reason, detail, topic, payload, payload_size, received_at, last_received_at)"
                " VALUES ('a', 'malformed', 'why', 'bypuls/v1/air-01/up', '[', 1, now(), now())"
            )
        with served(url, API_OPERATOR_TOKEN=TOKEN) as api:
            yield api


# Described without a database, so that each operation is a test of its own.
app = create_app(
    Database("", name="test", connections=1, statement_timeout=1),
    ApiSettings(operator_token=None),
    OpenDataSettings(),
)
# Live readings never end by themselves; tests/integration/test_live.py asks for them.
schema = schemathesis.openapi.from_dict(app.openapi()).exclude(path="/api/v1/live")
# A query too long is refused before its parameters are looked at; the tool's own list lacks that status.
schema.config.checks.negative_data_rejection.expected_statuses.append("414")


# Not positive_data_acceptance: a name of the right form that the registry lacks is rightly refused.
# With a parameter of its own each operation has an id of its own, too.
@pytest.mark.parametrize("token", [TOKEN])
@schema.parametrize()
@hypothesis.settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_no_request_gets_a_5xx_or_an_answer_that_is_not_documented(
    case: schemathesis.Case[Any], api: Client, token: str
) -> None:
    # Where the tool left the token out on purpose, the request would be right again with ours.
    made = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    left_out = made is not None and made.mode.is_negative
    case.call_and_validate(
        base_url=str(api.base_url),
        headers={} if left_out else {"Authorization": f"Bearer {token}"},
        checks=[
            checks.not_a_server_error,
            checks.status_code_conformance,
            checks.content_type_conformance,
            checks.response_schema_conformance,
            checks.response_headers_conformance,
            checks.negative_data_rejection,
            checks.unsupported_method,
            checks.ignored_auth,
        ],
    )
