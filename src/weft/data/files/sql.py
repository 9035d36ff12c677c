"""Rows of a data base as a source and as a flow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from weft._lazy import hint
from weft.data.arrays import stack
from weft.data.contracts import Batch, Record
from weft.data.files.compressed import extra
from weft.data.files.per_process import PerProcess
from weft.data.loading.flow import Chain
from weft.data.streams.patience import Patience
from weft.data.text_file import existing

PAGE = 1000


class Sql:
    """The rows of one table of a data base, by number in the order of ``key``: any data base that SQLAlchemy knows, ``sqlite:///file.db``.

    ``key`` is a column that is unique and never null (default: the table's primary key of one column). The keys are read once when the source is
    made, in pages; then each record, or each batch by ``gather``, is one query by key. ``columns`` are read, no others; ``where`` keeps rows
    whose columns have these values. Table and columns are looked up in the data base's own description and values are bound, so no text from
    outside becomes part of a query. A connection is opened for each query and only reads; a server that is away is asked again for a minute.
    Raises ValueError naming the table or column that is not there (with the nearest names), a key that is null or stands twice, rows that
    vanished since, and a data base that cannot be opened; a password never shows. ``Away`` when a server stays away.

    Use when rows change or are too many to export; instead of it, ``sql_flow`` from front to back, ``Columns`` after an export. Cost: the keys in
    memory, one query a batch. Needs the extra ``files``, which brings a driver for PostgreSQL (``postgresql+pg8000://user@host/base``).

    >>> import sqlite3, tempfile
    >>> file = tempfile.mkdtemp() + "/a.db"
    >>> with sqlite3.connect(file) as data_base:
    ...     _ = data_base.execute("CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT, year INTEGER)")
    ...     _ = data_base.executemany("INSERT INTO films VALUES (?, ?, ?)", [(7, "Alien", 1979), (9, "Brazil", 1985)])
    >>> source = Sql(f"sqlite:///{file}", "films", ["title"], where={"year": 1985})
    >>> len(source), source[0], source.key(0)
    (1, {'title': 'Brazil'}, '9')
    """

    def __init__(
        self, url: str, table: str, columns: Sequence[str] | None = None, *, key: str | None = None, where: Mapping[str, Any] | None = None
    ) -> None:
        self._table = PerProcess(opened, url, table)
        engine, described = self._table()
        self.query = Query(table, key_of(described, key), named(described, columns), tuple(sorted((where or {}).items())))
        named(described, where)
        self.keys: list[Any] = []
        for page in pages(engine, described, self.query, [self.query.key]):
            self.keys += [row[0] for row in page]
        if not self.keys:
            raise ValueError(f"The table {table!r} holds no rows" + (f" where {dict(where)}" if where else ""))
        if None in self.keys or len(set(self.keys)) < len(self.keys):
            raise ValueError(f"The column {self.query.key!r} of {table!r} holds a value twice or none; a key has each value once")

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, i: int) -> Record:
        return self._rows([self.keys[i]])[0]

    def gather(self, index: Tensor) -> Batch:
        """The rows of ``index`` as one batch, by queries of up to 500 keys; numbers stacked (a gap is NaN), anything else as lists."""
        keys = [self.keys[i] for i in index.tolist()]
        if not keys:
            return {name: values[:0] for name, values in self.gather(torch.tensor([0])).items()}
        rows = self._rows(keys)
        gaps = {name for name in self.query.columns if numbers_with_gaps([row[name] for row in rows])}
        return stack([{name: float(math.nan if value is None else value) if name in gaps else value for name, value in row.items()} for row in rows])

    def key(self, i: int) -> str:
        """The row's key."""
        return str(self.keys[i])

    def _rows(self, keys: list[Any]) -> list[Record]:
        sqlalchemy = extra("sqlalchemy")
        engine, table = self._table()
        column, wanted = table.c[self.query.key], [table.c[name] for name in self.query.columns]
        found: dict[Any, Record] = {}
        for start in range(0, len(keys), 500):
            asked = sqlalchemy.select(column, *wanted).where(column.in_(keys[start : start + 500]))
            found |= {row[0]: dict(zip(self.query.columns, row[1:], strict=True)) for row in rows_of(engine, asked)}
        gone = [key for key in keys if key not in found]
        if gone:
            raise ValueError(f"The table {self.query.table!r} no longer has the row whose {self.query.key!r} is {gone[0]!r}; open the source again")
        return [found[key] for key in keys]


@dataclass(frozen=True)
class Query:
    """What is read of a table."""

    table: str
    key: str
    columns: tuple[str, ...]
    where: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class OpenTable:
    """Reads the rows of a table page by page, from a row on."""

    table: PerProcess
    query: Query
    page: int

    def __call__(self, piece: str, start: int = 0) -> Iterator[Record]:
        engine, described = self.table()
        for page in pages(engine, described, self.query, [self.query.key, *self.query.columns], self.page, start):
            yield from (dict(zip(self.query.columns, row[1:], strict=True)) for row in page)


def sql_flow(
    url: str, table: str, columns: Sequence[str] | None = None, *,
    key: str | None = None, where: Mapping[str, Any] | None = None, page: int = PAGE,
) -> Chain:  # fmt: skip
    """A flow over the rows of a table in the order of ``key``, read in pages of ``page`` rows: each begins after the last key of the one before.

    Options are those of ``Sql``. Memory is that of a page, and no page is slower than another, as it would be with an offset.

    Use when a table is read from front to back. Cost: one query a page. Needs the extra ``files``.

    >>> import sqlite3, tempfile
    >>> file = tempfile.mkdtemp() + "/a.db"
    >>> with sqlite3.connect(file) as data_base:
    ...     _ = data_base.execute("CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT)")
    ...     _ = data_base.executemany("INSERT INTO films VALUES (?, ?)", [(9, "Brazil"), (7, "Alien")])
    >>> list(sql_flow(f"sqlite:///{file}", "films", ["title"]))
    [{'title': 'Alien'}, {'title': 'Brazil'}]
    """
    if page < 1:
        raise ValueError(f"page={page}; expected at least 1 row")
    opening = PerProcess(opened, url, table)
    described = opening()[1]
    named(described, where)
    query = Query(table, key_of(described, key), named(described, columns), tuple(sorted((where or {}).items())))
    return Chain([table], OpenTable(opening, query, page), seekable=True)


def opened(url: str, table: str) -> tuple[Any, Any]:
    """An engine without a pool, and the description of a table from the data base itself."""
    sqlalchemy = extra("sqlalchemy")
    try:
        address = sqlalchemy.engine.make_url(url)
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise ValueError(f"The address of the data base cannot be used: {type(error).__name__}; expected one such as sqlite:///file.db") from None
    shown = address.render_as_string(hide_password=True)
    if address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:"):
        existing(address.database)  # SQLite would make an empty file
    try:
        known = sqlalchemy.inspect(engine)
        names = [*known.get_table_names(), *known.get_view_names()]
        if table not in names:
            raise ValueError(f"The data base {shown!r} has no table {table!r}. {hint(table, names)}")
        return engine, sqlalchemy.Table(table, sqlalchemy.MetaData(), autoload_with=engine)
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise ValueError(f"The data base {shown!r} cannot be read: {type(error).__name__}") from None


def named(table: Any, columns: Sequence[str] | Mapping[str, Any] | None) -> tuple[str, ...]:
    """The columns to read; raises ValueError with the nearest names for one that is not there."""
    for name in columns or ():
        if name not in table.c:
            raise ValueError(f"The table {table.name!r} has no column {name!r}. {hint(name, table.c.keys())}")
    return tuple(table.c.keys() if columns is None else columns)


def key_of(table: Any, key: str | None) -> str:
    """The name of the key column."""
    if key is not None:
        return named(table, [key])[0]
    primary = [column.name for column in table.primary_key]
    if len(primary) != 1:
        raise ValueError(f"The table {table.name!r} has no primary key of one column ({primary}); name a unique column as key=")
    return primary[0]


def pages(engine: Any, table: Any, query: Query, columns: Sequence[str], size: int = PAGE, start: int = 0) -> Iterator[list[Any]]:
    """Rows in the order of the key, ``size`` at a time; each page begins after the last key of the one before."""
    sqlalchemy = extra("sqlalchemy")
    key = table.c[query.key]
    asked = sqlalchemy.select(*(table.c[name] for name in columns)).order_by(key).limit(size)
    for name, value in query.where:
        asked = asked.where(table.c[name] == value)
    last: Any = None
    if start:
        before = sqlalchemy.select(key).order_by(key).offset(start - 1).limit(1)
        for name, value in query.where:
            before = before.where(table.c[name] == value)
        found = rows_of(engine, before)
        if not found:
            return
        last = found[0][0]
    while True:
        rows = rows_of(engine, asked if last is None else asked.where(key > last))
        if rows:
            yield rows
        if len(rows) < size:
            return
        last = rows[-1][list(columns).index(query.key)]
        if last is None:
            raise ValueError(f"The column {query.key!r} of {query.table!r} is null in some row; a key is not")


def rows_of(engine: Any, statement: Any) -> list[Any]:
    """The rows of one query, on a connection of its own; a server that is away or just starting is asked again for a minute."""
    errors = extra("sqlalchemy").exc

    def ask() -> list[Any]:
        try:
            with engine.connect() as connection:
                return connection.execute(statement).fetchall()
        except errors.DBAPIError as error:
            lost = isinstance(error, errors.OperationalError | errors.InterfaceError) or error.connection_invalidated
            if engine.dialect.name != "sqlite" and (lost or "57P0" in str(error.orig)):  # PostgreSQL's codes of a server that ends or begins
                raise ConnectionError(f"{type(error).__name__}: {error.orig}") from error
            raise

    return Patience()(ask, engine.url.render_as_string(hide_password=True), (ConnectionError,))


def numbers_with_gaps(values: Sequence[Any]) -> bool:
    """Whether a column holds numbers and gaps only, so that a gap can be NaN."""
    present = [value for value in values if value is not None]
    return 0 < len(present) < len(values) and all(isinstance(value, int | float) for value in present)
