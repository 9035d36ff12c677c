"""Questions that follow each other, about one text: CoQA and QuAC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from weft.data.sets.local_copy import chosen, read_json, whole_copy

COQA = "https://stanfordnlp.github.io/coqa/ (the texts under their sources' licences, five domains)"
QUAC = "https://quac.ai (CC BY-SA 4.0)"
UNANSWERED = "CANNOTANSWER"  # what QuAC writes at the end of each text, for questions without an answer in it


def coqa(path: str | Path, part: str = "train") -> list[dict[str, Any]]:
    """Conversations about a story, a record a turn: ``id, turn, source, context, question, answer, span, history``; ``part`` "train" or "dev".

    Reads ``coqa-train-v1.0.json`` and its like. ``answer`` is free text; ``span`` the place that supports it, ``{"text", "start"}`` in
    characters of the story, or None where it has none; ``history`` the turns before, ``{"question", "answer"}``, the first first.
    Raises FileNotFoundError naming the file that lacks; ValueError for broken JSON, another layout, and a span beyond the story.

    Published at https://stanfordnlp.github.io/coqa/, the texts under their sources' licences. Reddy, Chen, Manning, 2018, arXiv:1808.07042.

    >>> import json, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> answers = [{"input_text": "red", "span_start": 8, "span_end": 15, "span_text": "was red", "turn_id": 1}]
    >>> questions = [{"input_text": "Its colour?", "turn_id": 1}]
    >>> story = {"id": "a", "source": "race", "story": "The car was red.", "questions": questions, "answers": answers}
    >>> _ = (folder / "coqa-dev-v1.0.json").write_text(json.dumps({"data": [story]}))
    >>> record = coqa(folder, "dev")[0]
    >>> record["question"], record["answer"], record["span"]
    ('Its colour?', 'red', {'text': 'was red', 'start': 8})
    """
    return turns(path, f"coqa-{chosen(part, ('train', 'dev'))}-v1.0.json", COQA, _coqa)


def quac(path: str | Path, part: str = "train") -> list[dict[str, Any]]:
    """Dialogues about a section of Wikipedia, a record a turn: ``id, title, section, background, context, question, answers, impossible, yes_no,
    follow_up, history``; ``part`` "train" or "val".

    Reads ``train_v0.2.json`` and ``val_v0.2.json``. ``answers`` are ``{"text", "start"}`` in characters of the context; a question without an answer
    has none and is ``impossible``; the word CANNOTANSWER that the file puts behind each text stays in it. ``yes_no`` is "y", "n" or "x" (neither),
    ``follow_up`` whether to ask on: "y", "m" (maybe) or "n". Errors as in ``coqa``, and an answer that does not stand where it says.

    Published at https://quac.ai; CC BY-SA 4.0. Choi et al., 2018, arXiv:1808.07036.

    >>> import json, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> asked = {"id": "a_q#0", "question": "Its colour?", "answers": [{"text": "red", "answer_start": 12}], "yesno": "x", "followup": "n"}
    >>> text = {"context": "The car was red. CANNOTANSWER", "id": "a", "qas": [asked]}
    >>> article = {"title": "Car", "section_title": "Paint", "background": "", "paragraphs": [text]}
    >>> _ = (folder / "val_v0.2.json").write_text(json.dumps({"data": [article]}))
    >>> quac(folder, "val")[0]["answers"]
    [{'text': 'red', 'start': 12}]
    """
    return turns(path, f"{chosen(part, ('train', 'val'))}_v0.2.json", QUAC, _quac)


def turns(path: str | Path, name: str, publisher: str, read: Callable[[Any, str], Iterator[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Every turn of every entry under ``data``."""
    file = whole_copy(path, [name], publisher) / name
    content = read_json(file)
    try:
        return [record for entry in content["data"] for record in read(entry, repr(str(file)))]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{str(file)!r} has not the layout of its set: {type(error).__name__} {error}") from error


def _coqa(entry: Any, where: str) -> Iterator[dict[str, Any]]:
    story, history = entry["story"], []
    if len(entry["questions"]) != len(entry["answers"]):
        raise ValueError(f"{where}, story {entry['id']!r}: {len(entry['questions'])} questions and {len(entry['answers'])} answers")
    for question, answer in zip(entry["questions"], entry["answers"], strict=True):
        start, end = answer["span_start"], answer["span_end"]
        if start >= 0 and not start <= end <= len(story):
            raise ValueError(f"{where}, story {entry['id']!r}, turn {question['turn_id']}: a span {start} to {end} of {len(story)} characters")
        span = {"text": story[start:end], "start": start} if start >= 0 else None
        said = {"question": question["input_text"], "answer": answer["input_text"]}
        yield {
            "id": entry["id"],
            "turn": question["turn_id"],
            "source": entry["source"],
            "context": story,
            **said,
            "span": span,
            "history": [*history],
        }
        history.append(said)


def _quac(entry: Any, where: str) -> Iterator[dict[str, Any]]:
    about = {"title": entry["title"], "section": entry["section_title"], "background": entry["background"]}
    for paragraph in entry["paragraphs"]:
        history: list[dict[str, str]] = []
        for asked in paragraph["qas"]:
            answers = [{"text": answer["text"], "start": answer["answer_start"]} for answer in asked["answers"]]
            for answer in answers:
                if answer["start"] < 0 or not paragraph["context"].startswith(answer["text"], answer["start"]):
                    raise ValueError(f"{where}, question {asked['id']!r}: the answer {answer['text'][:40]!r} does not stand at {answer['start']}")
            answered = [answer for answer in answers if answer["text"] != UNANSWERED]
            yield {
                "id": asked["id"], **about, "context": paragraph["context"], "question": asked["question"], "answers": answered,
                "impossible": not answered, "yes_no": asked["yesno"], "follow_up": asked["followup"], "history": [*history],
            }  # fmt: skip
            history.append({"question": asked["question"], "answer": answers[0]["text"] if answers else UNANSWERED})
