"""Questions whose answer needs several texts: HotpotQA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft.data.sets.local_copy import chosen, read_json, whole_copy

PUBLISHER = "https://hotpotqa.github.io (CC BY-SA 4.0)"
FILES = {"train": "hotpot_train_v1.1.json", "dev": "hotpot_dev_distractor_v1.json", "fullwiki": "hotpot_dev_fullwiki_v1.json"}


def hotpot_qa(path: str | Path, part: str = "train") -> list[dict[str, Any]]:
    """Questions over paragraphs of Wikipedia: ``id, question, answer, kind, level, paragraphs, supporting``; ``part`` "train", "dev" or "fullwiki".

    ``paragraphs`` are ten ``{"title", "sentences"}``, two of which are needed and eight lead astray; ``supporting`` are ``{"title", "sentence"}``,
    the sentences that a person needed, by number; numbers beyond their paragraph are kept as they are. ``answer`` is a span, "yes" or "no"; ``kind``
    "bridge" or "comparison"; "fullwiki" has found paragraphs, not chosen ones, and may lack those that are needed.
    Raises FileNotFoundError naming the file that lacks; ValueError for broken JSON and another layout.

    Published at https://hotpotqa.github.io; CC BY-SA 4.0. Yang et al., 2018, arXiv:1809.09600.

    >>> import json, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> facts = {"supporting_facts": [["Oslo", 0]], "context": [["Oslo", ["Oslo lies in Norway."]]]}
    >>> entry = {"_id": "a", "question": "Where?", "answer": "Norway", "type": "bridge", "level": "easy"} | facts
    >>> _ = (folder / "hotpot_dev_distractor_v1.json").write_text(json.dumps([entry]))
    >>> hotpot_qa(folder, "dev")[0]["supporting"]
    [{'title': 'Oslo', 'sentence': 0}]
    """
    name = FILES[chosen(part, tuple(FILES))]
    file = whole_copy(path, [name], PUBLISHER) / name
    try:
        return [
            {
                "id": entry["_id"], "question": entry["question"], "answer": entry["answer"], "kind": entry["type"], "level": entry["level"],
                "paragraphs": [{"title": title, "sentences": list(sentences)} for title, sentences in entry["context"]],
                "supporting": [{"title": title, "sentence": int(sentence)} for title, sentence in entry["supporting_facts"]],
            }
            for entry in read_json(file)
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise ValueError(f"{str(file)!r} has not the layout of HotpotQA: {type(error).__name__} {error}") from error
    except ValueError as error:
        raise error if str(file) in str(error) else ValueError(f"{str(file)!r} has not the layout of HotpotQA: {error}") from error
