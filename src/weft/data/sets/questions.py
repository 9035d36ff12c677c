"""Questions about paragraphs, answered by a span of them: SQuAD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.data.sets.local_copy import chosen, read_json, whole_copy

PUBLISHER = "https://rajpurkar.github.io/SQuAD-explorer/ (CC BY-SA 4.0)"


def squad(path: str | Path, part: str = "train", version: str = "1.1") -> list[dict[str, Any]]:
    """Questions of SQuAD 1.1 or 2.0: ``id, title, context, question, answers`` and ``impossible``; ``part`` "train" or "dev".

    Reads ``train-v1.1.json`` and its like. ``answers`` are ``{"text", "start"}``, the start in characters of the context; version 2.0 also has
    questions that its paragraph does not answer: ``impossible``, without answers. Records: 87,599 and 10,570 of 1.1, 130,319 and 11,873 of 2.0.
    Raises FileNotFoundError naming the file that lacks; ValueError for broken JSON, another layout, and an answer that does not stand where it says.

    Published at https://rajpurkar.github.io/SQuAD-explorer/; CC BY-SA 4.0. Rajpurkar et al., 2016, arXiv:1606.05250, and 2018, arXiv:1806.03822.

    >>> import tempfile
    >>> from weft.data.sets import write_stand_in
    >>> record = squad(write_stand_in("squad", tempfile.mkdtemp()), "dev", "2.0")[0]
    >>> record["question"], record["answers"], record["impossible"]
    ('Who sees the red ball?', [{'text': 'dog', 'start': 2}], False)
    """
    if version not in ("1.1", "2.0"):
        raise ValueError(f"version={version!r}; expected '1.1' or '2.0'")
    name = f"{chosen(part, ('train', 'dev'))}-v{version}.json"
    file = whole_copy(path, [name], PUBLISHER) / name
    content = read_json(file)
    records = []
    try:
        for article in content["data"]:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    records.append(_record(article["title"], paragraph["context"], question, f"{str(file)!r}, question {question['id']!r}"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{str(file)!r} has not the layout of SQuAD (data, paragraphs, qas): {type(error).__name__} {error}") from error
    return records


def _record(title: str, context: str, question: dict[str, Any], where: str) -> dict[str, Any]:
    answers = [{"text": answer["text"], "start": answer["answer_start"]} for answer in question["answers"]]
    for answer in answers:
        if answer["start"] < 0 or not context.startswith(answer["text"], answer["start"]):
            raise ValueError(f"{where}: the answer {answer['text'][:40]!r} does not stand at character {answer['start']} of its paragraph")
    impossible = bool(question.get("is_impossible", False))
    if impossible == bool(answers):
        raise ValueError(f"{where} has {len(answers)} answers and is_impossible is {impossible}")
    return {"id": question["id"], "title": title, "context": context, "question": question["question"], "answers": answers, "impossible": impossible}
