"""The command line. It is a client of the front door: it uses what ``import weft`` gives, like any other program."""

from weft._lazy import attach

__getattr__, __dir__ = attach(__name__, {}, {"main": "weft.cli.main:main"})
