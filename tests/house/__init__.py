"""The rules of the house as functions over source text; ``tests/test_house.py`` runs them and feeds each one a fault."""
