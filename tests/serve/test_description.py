"""The description of the interface is whole, its examples work, and answers are as it says."""

import base64

import pytest

from matcher.serve.problems import MEDIA_TYPE


@pytest.fixture
def described(client):
    return client.get("/openapi.json").json()


def operations(described):
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def examples_of(schema, described) -> list:
    """Examples of a schema, those of its alternatives among them."""
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found = list(schema.get("examples", []))
    for one in (*schema.get("oneOf", []), *schema.get("anyOf", [])):
        found += examples_of(one, described) if one.get("type") != "null" else []
    return found


def test_it_is_valid_and_whole(described):
    assert described["openapi"].startswith("3.1")
    assert len(list(operations(described))) >= 15
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(set(names)) == len(names)


def test_every_route_says_what_it_does_and_shows_an_example(described):
    for path, method, operation in operations(described):
        assert operation.get("description") or operation["summary"], path
        good = next(a for s, a in operation["responses"].items() if s.startswith("2"))
        for media, content in good["content"].items():
            if media == "application/json":
                assert examples_of(content["schema"], described), (method, path)
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            assert examples_of(content["schema"], described), (method, path, media)


def test_every_route_documents_its_errors_as_problems(described):
    for path, _, operation in operations(described):
        errors = {s: a for s, a in operation["responses"].items() if s >= "4"}
        if path.startswith("/v1"):
            assert {"401", "403", "429", "503"} <= set(errors)
            assert operation["security"] == [{"key": []}]
        if "requestBody" in operation:
            assert {"400", "413", "422"} <= set(errors)
        for answer in errors.values():
            assert set(answer["content"]) == {MEDIA_TYPE}
            reference = answer["content"][MEDIA_TYPE]["schema"]["$ref"]
            assert reference == "#/components/schemas/Problem"
    assert "HTTPValidationError" not in described["components"]["schemas"]


def references(part) -> list[str]:
    if isinstance(part, list):
        return [found for value in part for found in references(value)]
    if not isinstance(part, dict):
        return []
    own = [value for name, value in part.items() if name == "$ref" and isinstance(value, str)]
    return own + references(list(part.values()))


def test_references_lead_somewhere(described):
    found = references(described)
    assert len(found) > 50
    for reference in found:
        part = described
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def test_the_examples_of_bodies_work(client, described):
    """In this order each finds what it needs."""
    listings = described["components"]["schemas"]["AddRequest"]["examples"][0]
    sent = client.post("/v1/listings", json=listings)
    assert sent.status_code == 200
    (question,) = described["paths"]["/v1/match"]["post"]["requestBody"]["content"][
        "application/json"
    ]["schema"]["examples"]
    assert client.post("/v1/match", json=question).status_code == 200
    separate = {"listings": [{"id": "other", "title": "blue shirt"}]}
    assert client.post("/v1/listings", json=separate).status_code == 200
    body = described["paths"]["/v1/decisions"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    kinds = {example["kind"]: example for example in examples_of(schema, described)}
    assert set(kinds) == {"accept", "reject", "split", "merge"}
    for kind in ("merge", "accept", "reject"):
        made = client.post("/v1/decisions", json=kinds[kind])
        assert made.status_code in (201, 410), (kind, made.text)
    (said,) = described["components"]["schemas"]["Said"]["examples"]
    assert client.post("/v1/decisions/1/undo", json=said).status_code == 201


def test_the_example_of_a_picture_is_one(described):
    image = described["components"]["schemas"]["AddRequest"]["examples"][0]["listings"][0]["image"]
    assert base64.b64decode(image).startswith(b"\x89PNG")
