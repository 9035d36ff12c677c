"""Rows of a data base: parity with plain queries, nothing from outside becomes part of one."""

from __future__ import annotations

import pickle
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

import pytest
import torch

from tests.data.streams.servers import postgres_server
from weft.data import FlowLoader, Loader
from weft.data.files.sql import Sql, pages, sql_flow
from weft.data.streams.patience import Away, Patience

sqlalchemy = pytest.importorskip("sqlalchemy")


@pytest.fixture
def url(tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as base:
        base.execute("CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT, year INTEGER, score REAL, kind TEXT)")
        base.executemany("INSERT INTO films VALUES (?, ?, ?, ?, ?)", [(7 * i % 1009, f"film {i}", 1950 + i % 70, None if i % 10 == 3 else i / 2, "ab"[i % 2]) for i in range(1000)])
        base.execute("CREATE TABLE bare (code TEXT, x INTEGER)")
        base.executemany("INSERT INTO bare VALUES (?, ?)", [("a", 1), ("b", 2), ("b", 3)])
        base.execute("CREATE TABLE vacant (id INTEGER PRIMARY KEY)")
    return f"sqlite:///{tmp_path / 'a.db'}"


def asked(url, query):
    with sqlite3.connect(url.removeprefix("sqlite:///")) as base:
        return base.execute(query).fetchall()


def test_rows_are_those_of_a_plain_query(url):
    """Parity: Sql and sql_flow against SQLite itself, in the order of the key, with and without a condition."""
    expected = asked(url, "SELECT title, year FROM films ORDER BY id")
    source = Sql(url, "films", ["title", "year"])
    assert len(source) == 1000 and [tuple(source[i].values()) for i in (0, 5, 999, -1)] == [expected[i] for i in (0, 5, 999, -1)]
    for page in (1, 7, 1000, 5000):
        assert [tuple(row.values()) for row in sql_flow(url, "films", ["title", "year"], page=page)] == expected
    index = torch.randperm(1000)[:700]
    batch = source.gather(index)
    assert batch["title"] == [expected[i][0] for i in index.tolist()] and batch["year"].tolist() == [expected[i][1] for i in index.tolist()]
    some = asked(url, "SELECT title FROM films WHERE kind = 'b' AND year = 1961 ORDER BY id")
    options = {"where": {"kind": "b", "year": 1961}}
    assert [r["title"] for r in Sql(url, "films", ["title"], **options)] == [r["title"] for r in sql_flow(url, "films", ["title"], page=3, **options)] == [t for (t,) in some]
    gaps = source.gather(torch.tensor([], dtype=torch.int64))
    assert gaps["year"].shape == (0,) and gaps["title"] == []
    assert Sql(url, "films", ["score"]).gather(torch.arange(50))["score"].isnan().any()


def test_a_flow_goes_on_where_it_was(url):
    whole = [row["id"] for row in sql_flow(url, "films", ["id"])]
    for given in (0, 1, 100, 350, 999):
        flow = sql_flow(url, "films", ["id"], page=100)
        reading = iter(flow)
        first = [next(reading)["id"] for _ in range(given)]
        later = pickle.loads(pickle.dumps(sql_flow(url, "films", ["id"], page=100)))
        later.load_state_dict(flow.state_dict())
        assert first + [row["id"] for row in later] == whole


def test_pages_begin_after_the_last_key_and_never_at_an_offset(url):
    statements = []
    flow = sql_flow(url, "films", page=300)
    engine, table = flow.open.table()
    sqlalchemy.event.listen(engine, "before_cursor_execute", lambda connection, cursor, text, given, *rest: statements.append((text, given)))
    assert sum(len(page) for page in pages(engine, table, flow.open.query, ["id"], 300)) == 1000
    assert len(statements) == 4 and all("films.id > ?" in text and "LIMIT ?" in text for text, _ in statements[1:])


def test_workers_open_their_own_connections(url):
    source = Sql(url, "films", ["id", "year"])
    batches = [torch.cat([batch["id"] for batch in Loader(source, batch_size=64, shuffle=True, workers=workers)]) for workers in (0, 2)]
    assert torch.equal(*batches) and sorted(batches[0].tolist()) == sorted(i for (i,) in asked(url, "SELECT id FROM films"))


@pytest.mark.parametrize("text", ["films; DROP TABLE films", "films' OR '1'='1", 'films"; --', "films WHERE 1=1"])
def test_text_from_outside_never_becomes_a_query(url, text):
    """Hostile: in the table's name, a column, the key, a value."""
    for make in (Sql, sql_flow):
        with pytest.raises(ValueError, match="has no table"):
            make(url, text)
        for options in ({"columns": [text]}, {"key": text}, {"where": {text: 1}}):
            with pytest.raises(ValueError, match="has no column"):
                make(url, "films", **options)
    assert list(sql_flow(url, "films", where={"title": text})) == []
    with pytest.raises(ValueError, match="holds no rows where"):
        Sql(url, "films", where={"kind": text})
    assert asked(url, "SELECT count(*) FROM films") == [(1000,)]


def test_errors_name_what_is_wrong_and_hide_the_password(url, tmp_path):
    with pytest.raises(ValueError, match=r"no table 'film'\. Did you mean 'films'"):
        Sql(url, "film")
    with pytest.raises(ValueError, match=r"no column 'titel'\. Did you mean 'title'"):
        Sql(url, "films", ["titel"])
    with pytest.raises(ValueError, match="no primary key of one column"):
        Sql(url, "bare")
    with pytest.raises(ValueError, match="holds a value twice"):
        Sql(url, "bare", key="code")
    assert Sql(url, "bare", key="x")[1] == {"code": "b", "x": 2}
    with pytest.raises(ValueError, match="holds no rows"):
        Sql(url, "vacant")
    with pytest.raises(FileNotFoundError):
        Sql(f"sqlite:///{tmp_path}/none.db", "films")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no data base " * 100)
    with pytest.raises(ValueError, match=r"text\.db.*cannot be read"):
        Sql(f"sqlite:///{tmp_path}/text.db", "films")
    for wrong in ("nonsense", "postgresql+none://me:secret@host/base", "postgresql://me:secret@127.0.0.1:1/base"):
        with pytest.raises(ValueError) as caught:
            Sql(wrong, "films")
        assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match="at least 1 row"):
        sql_flow(url, "films", page=0)


def test_rows_that_vanish_are_named(url):
    source = Sql(url, "films")
    with sqlite3.connect(url.removeprefix("sqlite:///")) as base:
        base.execute("DELETE FROM films WHERE id = ?", (source.keys[5],))
    with pytest.raises(ValueError, match="no longer has the row"):
        source[5]
    assert source[6]["id"] == source.keys[6] and source.key(6) == str(source.keys[6])


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL of our own with a table of 500 rows; its folder lies where the server's user may enter."""
    pytest.importorskip("pg8000")
    folder = Path(tempfile.mkdtemp())
    server = postgres_server(folder)
    try:
        server.start()
        address = f"postgresql+pg8000://weft:secret@127.0.0.1:{server.port}/postgres"
        with sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool).begin() as base:
            base.execute(sqlalchemy.text("CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT, year INTEGER, score DOUBLE PRECISION)"))
            base.execute(sqlalchemy.text("INSERT INTO films SELECT i * 7 % 503, 'film ' || i, 1950 + i % 70, NULLIF(i % 10, 3) FROM generate_series(1, 500) i"))
        yield server, address
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def films():
    return sorted((i * 7 % 503, f"film {i}") for i in range(1, 501))


def test_postgresql_by_the_same_code(postgres):
    """Sql, contract: order, batches, workers, text from outside and errors as with SQLite."""
    _, address = postgres
    source = Sql(address, "films", ["id", "title", "score"])
    assert [(row["id"], row["title"]) for row in source] == films() == [(r["id"], r["title"]) for r in sql_flow(address, "films", page=64)]
    assert source.gather(torch.arange(500))["score"].isnan().sum() == 50
    whole = [batch["id"].tolist() for batch in Loader(Sql(address, "films", ["id"]), batch_size=64, shuffle=True, workers=2)]
    assert whole == [batch["id"].tolist() for batch in Loader(Sql(address, "films", ["id"]), batch_size=64, shuffle=True)]
    assert list(sql_flow(address, "films", where={"title": "x' OR '1'='1"})) == []
    with pytest.raises(ValueError, match=r"no table 'film'\. Did you mean 'films'") as caught:
        Sql(address, "film")
    assert "secret" not in str(caught.value)


def test_a_killed_postgresql_costs_no_row_and_repeats_none(postgres, monkeypatch):
    """Acid: killed in mid-read, away for a while, started again by the waiting itself; flow, source and loader go on with the next row."""
    server, address = postgres
    pauses = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            server.start()
        time.sleep(min(seconds, 0.5))

    monkeypatch.setattr("weft.data.files.sql.Patience", lambda: Patience(sleep=wait))
    source, loader = Sql(address, "films", ["id"]), FlowLoader(sql_flow(address, "films", ["id"], page=50), None, 20)
    read = []
    for number, batch in enumerate(loader):
        read += batch["id"].tolist()
        if number == 6:
            server.kill()
    assert read == [i for i, _ in films()] and len(pauses) >= 2
    server.kill()
    pauses.clear()
    assert source.gather(torch.tensor([3, 499]))["id"].tolist() == [films()[3][0], films()[499][0]] and len(pauses) >= 2
    server.kill()
    monkeypatch.setattr("weft.data.files.sql.Patience", lambda: Patience(seconds=0))
    with pytest.raises(Away, match="could not be reached") as caught:
        source[0]
    assert "secret" not in str(caught.value)
    monkeypatch.undo()  # a server that answers may still be reading its log back
    server.start()
    assert source[0]["id"] == films()[0][0]
