import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.text.attributes import KINDS, Attributes, conflicts, read_attributes


def said(title: str) -> dict[str, set[str]]:
    return {kind: set(values) for kind, values in read_attributes(title).values.items()}


def differ(left: str, right: str) -> list[str]:
    return [c.kind for c in conflicts(read_attributes(left), read_attributes(right))]


def test_every_kind_of_a_title():
    assert said("Kaos Anak Merah XXL 1-2 tahun isi 2 pcs 10x20 cm SM-G950F") == {
        "count": {"2pcs"},
        "dimensions": {"100x200mm"},
        "size": {"2xl"},
        "age": {"12-24months"},
        "color": {"red"},
        "model number": {"smg950f"},
    }


@pytest.mark.parametrize(
    "title", ["oppo a5 4/64gb", "oppo ram 4gb rom 64gb", "oppo 64GB 4GB RAM", "oppo 4gb+64gb"]
)
def test_memory_is_told_from_storage(title):
    assert said(title) == {"storage": {"64gb"}, "memory": {"4gb"}}


def test_memory_alone_needs_its_name():
    assert said("hp ram 4gb") == {"memory": {"4gb"}}
    assert said("micro sd 4gb") == {"storage": {"4gb"}}


@pytest.mark.parametrize(
    ("left", "right", "kinds"),
    [
        ("sabun 150ml", "sabun 0,25 l", ["volume"]),
        ("sabun 150ml", "sabun 150 gr", []),  # of different kinds
        ("sabun 150ml", "sabun", []),
        ("susu 2 x 75 ml", "susu 150 ml", []),
        ("susu 2 x 75 ml", "susu 1 x 150 ml", []),
        ("susu 2 x 75 ml", "susu 75 ml", []),
        ("susu 2 x 75 ml", "susu 2 x 150 ml", ["volume"]),
        ("kopi 10 gr isi 12", "kopi 120 gr", []),
        ("sendok 1 lusin", "sendok 12 pcs", []),
        ("sendok 1 lusin", "sendok 6 pcs", ["count"]),
        ("5 oz", "142 gr", []),  # 5 * 28.35 = 141.7
        ("5 oz", "150 gr", ["mass"]),
        ("55 inch", "140 cm", []),
        ("oppo 4/64gb", "oppo 4/128gb", ["storage"]),
        ("oppo 4/64gb", "oppo 6/64gb", ["memory"]),
        ("kaos all size", "kaos XL", []),
        ("kaos M", "kaos size M", []),
        ("kaos size S", "kaos size L", ["size"]),
        ("kaos size S", "kaos size 38", []),
        ("usia 1-5 tahun", "usia 4-8 tahun", []),
        ("usia 1-2 tahun", "usia 4-8 tahun", ["age"]),
        ("usia 2 tahun", "1-5 tahun", []),
        ("tas biru", "tas light blue", []),
        ("tas biru muda", "tas navy", ["color"]),
        ("10 x 20 cm", "20x10cm", []),
        ("sm-g950f merah 64gb", "sm-g955f hitam 32gb", ["storage", "color", "model number"]),
        ("", "", []),
    ],
)
def test_conflicts(left, right, kinds):
    assert differ(left, right) == kinds
    assert differ(right, left) == kinds


def test_both_sides_are_told_by_size():
    (conflict,) = conflicts(read_attributes("100ml / 50ml"), read_attributes("1.000 ml"))
    assert conflict == ("volume", ("50ml", "100ml"), ("1000ml",))


def test_attributes_cannot_be_changed():
    with pytest.raises(TypeError):
        read_attributes("kaos XL").values["size"] = frozenset()
    assert Attributes()["size"] == frozenset()


def test_kinds_that_are_read_are_kinds_that_are_listed():
    from matcher.text.quantities import DIMENSIONS

    assert set(DIMENSIONS.values()) <= set(KINDS)
    assert len(set(KINDS)) == len(KINDS)


WORDS = st.sampled_from(
    ["2 x", "75ml", "150 ml", "1/2", "kg", "isi 12", "XL", "merah", "5 oz", "10x20cm"]
)


@given(st.lists(WORDS | st.text(max_size=8), max_size=8).map(" ".join), st.text(max_size=40))
def test_any_titles_conflict_alike_from_either_side_and_never_with_themselves(one, other):
    first, second = read_attributes(one), read_attributes(other)
    assert conflicts(first, first) == ()
    there, back = conflicts(first, second), conflicts(second, first)
    assert [(kind, right, left) for kind, left, right in there] == list(back)


def test_absurd_amounts_are_survived():
    huge = "9" * 400
    assert differ(f"{huge} ml isi 9999", "150 ml isi 2") == ["count"]
    assert differ("9999999999 ml x 999", "1 ml x 2") == ["volume", "count"]


@pytest.mark.parametrize("piece", ["1", "1x", "9-", "s/", "size 1 ", "1 1/2 ", "biru ", " ", '"'])
def test_long_titles_of_one_piece_do_not_hang(piece):
    assert isinstance(read_attributes(piece * 10_000), Attributes)
