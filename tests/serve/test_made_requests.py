"""Requests made from the description, good ones and bad ones: answers are as it says."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from matcher.serve.keys import RIGHTS, Key, Keys, make_key
from matcher.types import Listings
from tests.serve.fake import FakeCatalog

# A picture in base64 is described, but text made from the description is none; and a cluster or
# listing that is asked for may not be there.
EXCLUDED = ("positive_data_acceptance",)


@pytest.fixture
def service(build, listen, tmp_path):
    """Address of a service with some listings, and the headers that let one in."""
    catalog = FakeCatalog()
    titles = ("red mug", "red mug new", "blue shirt")
    catalog.add(Listings(ids=("a", "b", "c"), titles=titles, images=(None,) * 3))
    text, digest = make_key()
    place = str(tmp_path / "shop")
    key = Key("all", bytes.fromhex(digest), place, frozenset(RIGHTS))
    address = listen(build({"shop": catalog}, Keys([key])))
    return address, {"Authorization": f"Bearer {text}"}


def is_lost(case) -> bool:
    """Whether a wrong query has no values, so that nothing of it is sent."""
    sent = case.as_transport_kwargs().get("params") or {}
    return bool(case.query) and not urlencode(sent, doseq=True)


def check_all(service, n_examples: int) -> int:
    """Ask each operation in both modes; returns how many requests there were."""
    address, headers = service
    described = schemathesis.openapi.from_url(f"{address}/openapi.json")
    left_out = list(CHECKS.get_by_names(list(EXCLUDED)))
    # In a form all is text: a title that became a number is a title still.
    left_out_of_forms = [*left_out, *CHECKS.get_by_names(["negative_data_rejection"])]
    asked = []
    for found in described.get_all_operations():
        for mode in GenerationMode:
            cases = found.ok().as_strategy(mode)

            def ask(case):
                asked.append(case)
                lenient = case.media_type == "multipart/form-data" or is_lost(case)
                case.call_and_validate(
                    headers=headers,
                    excluded_checks=left_out_of_forms if lenient else left_out,
                    timeout=300,
                )

            with suppress(Unsatisfiable):  # a route that takes nothing has no bad requests
                made(n_examples)(given(cases)(ask))()
    return len(asked)


def made(n_examples):
    return settings(
        max_examples=n_examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def test_made_requests(service):
    assert check_all(service, 4) >= 90


@pytest.mark.long
@pytest.mark.slow
def test_very_many_made_requests(service):
    assert check_all(service, 230) >= 5000
