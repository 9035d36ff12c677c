"""Rows and pitfalls of chapter 22."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("22.3", "Vocabulary", "weft.data.vocabulary:vocabulary_of", "tests/data/test_vocabulary.py::test_order_is_by_frequency_then_alphabet_and_size_counts_the_special_tokens", "begin and end tokens"),
    Row("22.4", "Encode, cut, pad, decode", "codec/text_codec", "tests/data/test_text_codec.py::test_long_texts_are_cut", "begin and end tokens, sides by choice"),
    Row("22.7", "Character tokenizer", "codec/token_codec", "tests/data/test_token_codec.py::test_text_comes_back_from_its_stream", "graphemes, bytes"),
    Row("22.13", "Data for text classification", "codec/text_codec", "tests/data/test_text_codec.py::test_labels_must_be_known_and_texts_must_be_text", "other tokenizers"),
    Row("22.14", "Padding with masks", "codec/text_codec", "tests/models/test_classifier.py::test_padding_leaves_no_trace", "labels of tokens, multiples"),
    Row("22.17", "One mask convention", "model/text_classifier", "tests/models/test_classifier.py::test_padding_leaves_no_trace", "builders and converters of masks"),
    Row("22.24", "Recurrent language model", "model/lstm_lm", "tests/models/test_lstm_lm.py::test_equals_the_formula", "GRU and plain cells"),
    Row("22.26", "Language-model training and evaluation", "method/language_model", "tests/methods/supervised/test_language_model.py::test_a_uniform_guess_costs_the_logarithm_of_the_vocabulary", "a state carried from batch to batch"),
    Row("22.30", "Text-classification recipe", "recipe/text_classification", "tests/recipes/test_text_classification.py::test_labelled_texts_become_a_classifier", "a learned claim on real text"),
    Row("22.50", "Text model artefact", "weft.serve:Bundle", "tests/serve/test_bundle.py::test_codecs_and_networks_of_the_catalogue_come_back_whole", "cleaning steps"),
    Row("22.51", "Commands and routes for text", "recipe/language_model", "tests/recipes/test_language_model.py::test_over_http_it_answers_as_the_bundle", "tokenizer and tagging commands"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
