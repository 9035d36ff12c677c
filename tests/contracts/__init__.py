"""Contracts walked over the whole catalogue: a new line in a table is tested before its author writes a test."""
