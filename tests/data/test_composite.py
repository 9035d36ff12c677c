"""Sources made of several: index maps by enumeration."""

from __future__ import annotations

import pickle

import pytest

from weft.data import split_by_hash
from weft.data.composite import Interleave, Lazy, Nested, Zip


def numbered(letter, count):
    return [{letter: i} for i in range(count)]


def test_zip_joins_records_of_one_place():
    """Brute force: Zip against Python's zip, merged and named."""
    a, b = numbered("a", 5), numbered("b", 5)
    assert list(Zip(a, b)) == [x | y for x, y in zip(a, b, strict=True)] and Zip(a, b)[-1] == {"a": 4, "b": 4}
    assert list(Zip({"l": a, "r": a})) == [{"l.a": i, "r.a": i} for i in range(5)]
    with pytest.raises(ValueError, match="have the key 'a'"):
        Zip(a, a)[0]
    for sources in ((), (a, b[:4])):
        with pytest.raises(ValueError, match="equal length"):
            Zip(*sources)
    assert Zip(a, b).key(3) == "3"


@pytest.mark.parametrize("weights", [[1, 1], [3, 1], [5, 2, 1], [0.7, 0.2, 0.1]])
@pytest.mark.parametrize("stop", ["first", "all"])
def test_every_beginning_of_a_mixture_has_the_shares(weights, stop):
    """Property: after any number of records of Interleave, each source is within one of its share, and goes round in its own order."""
    sources = [numbered("x", 40 + 7 * n) for n in range(len(weights))]
    mixed = Interleave(sources, weights, stop=stop, names=[str(n) for n in range(len(weights))])
    counts = [0] * len(weights)
    for n, record in enumerate(mixed, 1):
        origin = int(record["origin"])
        assert record["x"] == counts[origin] % len(sources[origin])
        counts[origin] += 1
        for had, weight in zip(counts, weights, strict=True):
            assert abs(had - n * weight / sum(weights)) <= 1 + 1e-9
    sizes = [len(source) for source in sources]
    over = [had >= size for had, size in zip(counts, sizes, strict=True)]
    assert all(over) if stop == "all" else sum(over) >= 1 and all(had <= size for had, size in zip(counts, sizes, strict=True))


def test_temperature_levels_the_shares():
    sources = [numbered("x", 1000), numbered("x", 1000)]
    shares = [Interleave(sources, [16, 1], temperature=t).shares[0] for t in (1, 2, 4, 1000)]
    assert shares[0] == pytest.approx(16 / 17) and shares[1] == pytest.approx(4 / 5) and shares[2] == pytest.approx(2 / 3) and shares[3] == pytest.approx(0.5, abs=1e-3)
    for options in ({"weights": [1]}, {"weights": [1, 0]}, {"weights": [1, float("inf")]}, {"temperature": 0}, {"stop": "never"}, {"names": ["a"]}):
        with pytest.raises(ValueError):
            Interleave(sources, **options)
    with pytest.raises(ValueError, match="none may be empty"):
        Interleave([[], sources[0]])
    with pytest.raises(IndexError):
        Interleave(sources)[10_000]


def test_a_lazy_source_is_opened_at_first_use_in_each_process():
    """Contract: Lazy opens nothing before the first access, and its copy opens anew."""
    opened = []

    def open_it(count):
        opened.append(count)
        return numbered("x", count)

    source = Lazy(open_it, 3, length=3)
    assert len(source) == 3 and not source.opened and opened == []
    assert source[2] == {"x": 2} and source.key(1) == "1" and opened == [3]
    whole = Lazy(list, numbered("x", 4))
    assert whole[0] == {"x": 0} and not pickle.loads(pickle.dumps(whole)).opened and len(pickle.loads(pickle.dumps(whole))) == 4
    with pytest.raises(ValueError, match="has 3 records, not 5"):
        Lazy(open_it, 3, length=5)[0]


def test_nested_parts_are_enumerated_and_stay_with_their_patient():
    """Brute force: Nested against three loops, with empty lists in between; a split keeps every patient on one side."""
    patients = [{"name": f"p{n}", "scans": [{"day": d, "slices": [f"{n}{d}{s}" for s in range((n + d) % 3)]} for d in range(n % 4)]} for n in range(40)]
    nested = Nested(patients, ("scans", "slices"))
    expected = [({"name": p["name"], "day": scan["day"], "slices": x}, (n, d, s)) for n, p in enumerate(patients) for d, scan in enumerate(p["scans"]) for s, x in enumerate(scan["slices"])]
    assert [(nested[i], nested.where(i)) for i in range(len(nested))] == expected
    assert all(nested.outer(i) == nested.where(i)[0] and i in nested.parts(nested.outer(i)).tolist() for i in range(len(nested)))
    assert sum(len(nested.parts(n)) for n in range(40)) == len(nested) and nested[-1] == expected[-1][0]
    parts = split_by_hash(nested, {"train": 0.5, "test": 0.5})
    names = [{record["name"] for record in part} for part in parts.values()]
    assert names[0] and names[1] and not names[0] & names[1]
    documents = [{"title": "a", "sentences": [{"text": "x"}, {"text": "y"}]}]
    assert list(Nested(documents, ["sentences"])) == [{"title": "a", "text": "x"}, {"title": "a", "text": "y"}]
    with pytest.raises(ValueError, match=r"Record 0.*no list 'words'"):
        Nested(documents, ["sentences", "words"])
    with pytest.raises(ValueError, match="two levels have the key 'title'"):
        Nested([{"title": "a", "parts": [{"title": "b"}]}], ["parts"])[0]
    with pytest.raises(ValueError, match="from the outside in"):
        Nested(documents, "sentences")
