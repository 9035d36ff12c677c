"""Rows and pitfalls of chapter 34."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("34.1", "Server", "weft.serve:serve", "tests/serve/test_server.py::test_a_signal_ends_the_server_after_the_requests_in_hand", "several workers, TLS"),
    Row("34.2", "Model package", "weft.serve:Bundle", "tests/serve/test_bundle.py::test_every_one_of_200_corrupted_copies_is_refused"),
    Row("34.3", "Task handlers", "weft.serve:Bundle", "tests/serve/test_server.py::test_the_server_answers_as_the_bundle", "detection, segmentation, tokens, sound, series"),
    Row("34.5", "REST prediction", "weft.serve:application", "tests/serve/test_server.py::test_malformed_requests_are_refused_in_one_shape", "jobs, fuzzing from the description"),
    Row("34.6", "Input formats", "weft.serve:application", "tests/serve/test_server.py::test_a_picture_by_four_routes_is_one_answer", "sound, NPY"),
    Row("34.7", "Input validation", "weft.serve:Bundle", "tests/serve/test_intake.py::test_a_record_that_is_wrong_is_422_and_named"),
    Row("34.8", "Error model", "weft.serve:application", "tests/serve/test_server.py::test_malformed_requests_are_refused_in_one_shape", "409"),
    Row("34.9", "Health", "weft.serve:application", "tests/serve/test_server.py::test_health_card_page_and_description", "ready only when warm and not while draining"),
    Row("34.11", "Dynamic batching", "weft.serve:application", "tests/serve/test_batching.py::test_records_that_wait_are_computed_in_few_calls", "buckets by length, priorities"),
    Row("34.16", "Access by key", "weft.serve:application", "tests/serve/test_server.py::test_a_token_is_wanted_where_one_is_set", "several keys, scopes, expiry"),
    Row("34.20", "OpenAPI", "weft.serve:application", "tests/serve/test_server.py::test_health_card_page_and_description", "a validator in the test, examples that execute"),
    Row("34.36", "Time-outs and back-pressure", "weft.serve:Limits", "tests/serve/test_server.py::test_slow_is_504_and_a_full_queue_503", "proof of bounded latency under overload"),
    Row("34.52", "The same model without a server", "weft.serve:Bundle", "tests/serve/test_server.py::test_the_server_answers_as_the_bundle"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
