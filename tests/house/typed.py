"""The checker of annotations while the tests run: an int is welcome where a float is asked for, as the type system says."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
