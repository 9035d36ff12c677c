"""Arrow columns become tensors."""

from __future__ import annotations

import pytest
import torch

from weft.data.files.arrow import arrow, batch_of, check_columns, check_missing, one, taken, values_of

pa = pytest.importorskip("pyarrow")


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("int8", torch.int8), ("int64", torch.int64), ("uint8", torch.uint8), ("uint16", torch.int32), ("uint32", torch.int64), ("uint64", torch.int64),
     ("float", torch.float32), ("double", torch.float32), ("halffloat", torch.float16), ("bool", torch.bool)],
)  # fmt: skip
def test_numbers_keep_their_values(kind, dtype):
    column = pa.chunked_array([[1, 0], [1]]).cast(pa.type_for_alias(kind))
    values = values_of(column, "a", "f")
    assert values.dtype == dtype and values.tolist() == [1, 0, 1]
    values += 0 if dtype != torch.bool else False  # it is the reader's own memory, not the file's
    assert taken(values, torch.tensor([1, 0])).tolist() == [0, 1] and one(values, 2) == 1


def test_what_is_missing_follows_the_policy():
    column = pa.chunked_array([[1, 2], [None, 4]])
    with pytest.raises(ValueError, match=r"'f', row 13, column 'a' is missing"):
        values_of(column, "a", "f", first_row=10)
    values = values_of(column, "a", "f", "nan")
    assert values.dtype == torch.float32 and values.isnan().tolist() == [False, False, True, False]
    assert values_of(pa.array([True, None]), "a", "f", "nan")[0] == 1
    with pytest.raises(ValueError, match="expected one of 'stop'"):
        check_missing("ignore")


def test_lists_of_one_size_are_rows_and_others_stay():
    rows = pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2))
    assert values_of(rows.slice(1), "a", "f").tolist() == [[3.0, 4.0]]
    ragged = pa.array([[1], [2, 3]])
    assert taken(values_of(ragged, "a", "f"), torch.tensor([1, 0])) == [[2, 3], [1]]
    batch = batch_of(pa.table({"n": [1, 2], "t": ["x", None]}), "f", "stop")
    assert batch["n"].tolist() == [1, 2] and batch["t"] == ["x", None]


def test_names_are_checked():
    with pytest.raises(ValueError, match=r"no column 'prise'\. Did you mean 'price'"):
        check_columns("f", ["prise"], ["price", "size"])
    assert arrow("compute").sum(pa.array([1, 2])).as_py() == 3
