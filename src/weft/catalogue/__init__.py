"""What there is and how it is made again: ``list``, ``show``, ``find``, ``build``, ``own``, ``apply`` and ``spec_of``."""

from weft._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {},
    {
        "Entry": "weft.catalogue.entries:Entry",
        "list": "weft.catalogue.entries:entries",
        "find": "weft.catalogue.entries:find",
        "show": "weft.catalogue.entries:show",
        "build": "weft.catalogue.spec:build",
        "own": "weft.catalogue.spec:own",
        "apply": "weft.catalogue.spec:apply",
        "spec_of": "weft.catalogue.spec:spec_of",
    },
)
