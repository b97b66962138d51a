"""Asking: with JSON and with a form, a title, a picture, or both."""

import base64
from pathlib import Path
from tempfile import SpooledTemporaryFile

import pytest
from PIL import Image

from tests.serve.conftest import encoded


def as_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_candidates_come_best_first_with_all_that_is_known(filled):
    found = filled.post("/v1/match", json={"title": "red mug 300 ml", "k": 2}).json()
    first, second = found["candidates"]
    assert first == {
        "id": "a",
        "title": "red mug 300 ml",
        "image": None,
        "scores": {"words": 1.0},  # one that is no number is left out
        "score": 1.0,
        "match": True,
        "probability": None,
        "reason": "words in common",
        "cluster": 1,
    }
    assert (second["id"], second["score"]) == ("b", pytest.approx(0.8))


def test_a_form_gets_the_same_answer_as_json(filled, png):
    sent = {"title": "red mug", "k": 3, "box": [1, 2, 30, 20], "image": as_text(png)}
    by_json = filled.post("/v1/match", json=sent)
    form = {"title": "red mug", "k": "3", "box": "1,2,30,20"}
    by_form = filled.post("/v1/match", data=form, files={"image": ("p.png", png)})
    assert by_json.status_code == by_form.status_code == 200
    assert by_json.json() == by_form.json()
    assert len(by_json.json()["candidates"]) == 3


def test_a_picture_alone_is_a_question(filled, png):
    assert filled.post("/v1/match", json={"image": as_text(png)}).status_code == 200
    assert filled.post("/v1/match", files={"image": ("p.png", png)}).status_code == 200


def test_what_the_catalogue_gets(filled, catalog, png, monkeypatch):
    seen = []
    ask = catalog.query
    batcher = next(iter(filled.app.state.tenants._by_place.values())).batcher
    monkeypatch.setattr(
        batcher, "_ask", lambda listings, k: seen.append((listings, k)) or ask(listings, k)
    )
    sent = {"title": "red", "image": as_text(png), "box": [1, 2.5, 30, 20], "k": 4}
    filled.post("/v1/match", json=sent)
    ((listings, k),) = seen
    assert (listings.titles, k) == (("red",), 4)
    assert listings.images[0].content == png
    assert listings.boxes.tolist() == [[1, 2.5, 30, 20]]


def test_a_picture_of_a_question_is_never_written(filled, tmp_path, rng, monkeypatch):
    """Starlette keeps files of more than a million bytes on the disk unless told otherwise."""
    large = encoded(Image.fromarray(rng.integers(0, 256, (800, 800, 3), "uint8")))
    assert len(large) > 1_500_000
    monkeypatch.setattr(SpooledTemporaryFile, "rollover", lambda self: pytest.fail("on the disk"))
    before = sorted(tmp_path.rglob("*"))
    sent = [
        filled.post("/v1/match", files={"image": ("p.png", large)}),
        filled.post("/v1/match", json={"image": as_text(large)}),
    ]
    assert [answer.status_code for answer in sent] == [200, 200]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({}, "body"),
        ({"title": "  "}, "body"),
        ({"title": "x", "box": [0, 0, 5, 5]}, "body.box"),
        ({"title": "x", "k": 0}, "body.k"),
        ({"title": "x", "k": 101}, "body.k"),
        ({"title": "x", "k": 2.5}, "body.k"),
        ({"title": "x", "k": True}, "body.k"),
        ({"title": "x", "k": 10**400}, "body.k"),
        ({"title": "x" * 10_001}, "body.title"),
        ({"title": ["x"]}, "body.title"),
        ({"title": "x", "imgae": "y"}, "body.imgae"),
        ({"image": "@@@"}, "body.image"),
        ({"image": "aGk"}, "body.image"),
        ({"image": "aGk="}, "body.image"),
        ({"image": "data:image/png;base64,aGk="}, "body.image"),
        ({"image": "ü"}, "body.image"),
        ({"image": ""}, "body.image"),
        ([], "body"),
        ("x", "body"),
    ],
)
def test_what_is_refused(filled, check_problem, sent, where):
    body = check_problem(filled.post("/v1/match", json=sent), 422)
    assert [fault["where"] for fault in body["errors"]] == [where]


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 0, 5],
        [0, 0, 5, -1],
        [0, 0, 5],
        [0, 0, 5, 2_000_000],
        "0,0,5,5",
        [0, 0, "5", 5],
        [70, 0, 5, 5],
    ],
)
def test_boxes_that_show_nothing(filled, check_problem, png, box):
    sent = {"image": as_text(png), "box": box}
    (fault,) = check_problem(filled.post("/v1/match", json=sent), 422)["errors"]
    assert fault["where"].startswith(("body.box", "body.image"))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(filled, check_problem, png, number):
    text = f'{{"image": "{as_text(png)}", "box": [0, 0, {number}, 5]}}'
    headers = {"content-type": "application/json"}
    check_problem(filled.post("/v1/match", content=text, headers=headers), 422)
    form = {"box": f"0,0,{number},5"}
    answer = filled.post("/v1/match", data=form, files={"image": ("p.png", png)})
    check_problem(answer, 422)


@pytest.mark.parametrize(
    ("form", "files", "status"),
    [
        ({"title": "x", "k": "many"}, {}, 422),
        ({"title": "x", "k": "9" * 5000}, {}, 422),
        ({"title": "x", "box": "1,2,3"}, {}, 422),
        ({"title": "x", "other": "y"}, {}, 422),
        ({"title": ["x", "y"]}, {}, 422),
        ({"image": "not a file"}, {"x": ("p", b"")}, 422),
        ({}, {"picture": ("p.png", b"hello")}, 422),
        ({}, {"image": ("p.png", b"hello")}, 422),
        ({}, {"image": ("p.png", b"")}, 422),
        ({str(i): "x" for i in range(20)}, {}, 400),
        ({}, [("image", ("p", b"x")), ("image", ("q", b"x"))], 400),
    ],
)
def test_forms_that_are_refused(filled, check_problem, form, files, status):
    sent = files or {"nothing": (None, "")}
    sent = list(sent.items()) if isinstance(sent, dict) else sent
    check_problem(filled.post("/v1/match", data=form, files=sent), status)


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded", "a;b=c/d"])
def test_other_kinds_of_content_are_refused(filled, check_problem, kind):
    answer = filled.post("/v1/match", content='{"title": "x"}', headers={"content-type": kind})
    check_problem(answer, 415)


@pytest.mark.parametrize(
    "body", [b"", b"--", b"--b\r\n\r\n", b"\0" * 50, b"--b\r\nContent-Disposition: x"]
)
def test_forms_that_are_none(filled, check_problem, body):
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = filled.post("/v1/match", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    check_problem(answer, answer.status_code)


def test_a_form_without_a_boundary(filled, check_problem):
    headers = {"content-type": "multipart/form-data"}
    check_problem(filled.post("/v1/match", content=b"x", headers=headers), 400)


TITLES = [
    "<script>alert(1)</script>",
    "\u202emug der\u202c \u2066abc\u2069",
    "a\u0301\u200d🧑🏽‍🚀",
    "'; DROP TABLE listings; --",
    "=cmd|' /C calc'!A0",
    "{{7*7}} ${7*7} %s %n",
]


@pytest.mark.parametrize("title", TITLES)
def test_odd_titles_come_back_intact(client, title):
    added = {"listings": [{"id": "odd", "title": title}]}
    assert client.post("/v1/listings", json=added).status_code == 200
    found = client.post("/v1/match", json={"title": title})
    assert found.json()["candidates"][0]["title"] == title
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert client.get("/v1/listings/odd").json()["title"] == title


def test_control_characters_become_blanks_as_in_tables(client):
    added = {"listings": [{"id": "x", "title": "red\tmug\x1b[2J\x85"}]}
    assert client.post("/v1/listings", json=added).status_code == 200
    assert client.get("/v1/listings/x").json()["title"] == "red mug [2J "


@pytest.mark.parametrize("text", [r'"a\u0000b"', r'"\ud800"', r'"x\udc00y"', '"\ud800"'])
def test_texts_that_nothing_can_keep_are_refused(filled, check_problem, text):
    headers = {"content-type": "application/json"}
    for path, body in (
        ("/v1/match", f'{{"title": {text}}}'),
        ("/v1/listings", f'{{"listings": [{{"id": "x", "title": {text}}}]}}'),
        ("/v1/listings", f'{{"listings": [{{"id": {text}, "title": "x"}}]}}'),
        (
            "/v1/listings",
            f'{{"listings": [{{"id": "x", "title": "x", "extra": {{{text}: "y"}}}}]}}',
        ),
        ("/v1/decisions", f'{{"kind": {text}}}'),
        ("/v1/decisions", f'{{"kind": "accept", "cluster": 1, "who": {text}}}'),
        ("/v1/decisions", f'{{"kind": "reject", "left": {text}, "right": "a"}}'),
        ("/v1/decisions/1/undo", f'{{"note": {text}}}'),
    ):
        content = body.encode("utf-8", "surrogatepass")
        answer = filled.post(path, content=content, headers=headers)
        assert answer.status_code in (400, 404, 422), (path, answer.text)
        check_problem(answer, answer.status_code)


@pytest.mark.parametrize("path", ["/v1/match", "/v1/listings", "/v1/decisions"])
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"title":[', b'{"listings":['])
def test_deep_json_is_refused(filled, check_problem, path, opening):
    headers = {"content-type": "application/json"}
    answer = filled.post(path, content=opening * 100_000, headers=headers)
    assert answer.status_code in (400, 422)
    check_problem(answer, answer.status_code)


def test_no_path_of_this_machine_is_told(filled, png, tmp_path):
    added = {"listings": [{"id": "p", "title": "red mug", "image": as_text(png)}]}
    filled.post("/v1/listings", json=added)
    for answer in (
        filled.post("/v1/match", json={"title": "red mug"}),
        filled.get("/v1/listings/p"),
        filled.get("/v1/clusters?min_size=1"),
    ):
        assert Path(tmp_path).name not in answer.text
        assert "/v1/pictures/p" in answer.text
