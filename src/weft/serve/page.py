"""The page of a server: try the model without writing a program. One file, no outside resources, everything escaped."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from typing import Any

from weft.serve.intake import example, file_fields

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c2024;background:#fcfcfd}
h1{font-size:1.4rem}textarea{width:100%;min-height:8rem;font:14px/1.4 ui-monospace,monospace;box-sizing:border-box}
label{display:block;margin:.8rem 0}button{font:inherit;padding:.4rem 1.2rem;cursor:pointer}
fieldset{border:0;padding:0;margin:0}img{min-width:8rem;image-rendering:pixelated}
pre{background:#f0f1f3;padding:1rem;overflow:auto;white-space:pre-wrap;border-radius:6px}input,select{font:inherit}
@media(prefers-color-scheme:dark){body{color:#eceef0;background:#151718}pre{background:#202425}}
"""
SCRIPT = """
const form = document.getElementById("ask"), out = document.getElementById("answer");
const choose = () => {
  for (const part of form.querySelectorAll("fieldset")) part.disabled = part.hidden = part.dataset.verb !== form.elements.verb.value;
};
form.elements.verb.addEventListener("change", choose);
choose();
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  out.textContent = "…";
  const part = form.querySelector("fieldset:enabled"), data = new FormData(form), headers = {};
  const token = data.get("token"), field = part.dataset.file;
  if (token) headers["Authorization"] = "Bearer " + token;
  let body = data.get("json");
  if (field) {
    body = new FormData();
    for (const file of data.getAll("file")) body.append(field, file);
  } else {
    headers["Content-Type"] = "application/json";
  }
  try {
    const reply = await fetch("/" + data.get("verb"), {method: "POST", headers, body});
    const said = await reply.json();
    out.textContent = JSON.stringify(said, null, 2);
    for (const answer of said.predictions || []) {
      if (!answer.image) continue;
      const picture = new Image();
      picture.src = "data:image/png;base64," + answer.image;
      out.append("\\n", picture);
    }
  } catch (error) {
    out.textContent = "No answer: " + error;
  }
});
"""


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY = (
    f"default-src 'none'; script-src '{_digest(SCRIPT)}'; style-src '{_digest(STYLE)}'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(schemas: Mapping[str, Mapping[str, Any]], card: str, *, token: bool = False) -> str:
    """The page as HTML, from each verb's schema of a record; with a token set it says nothing of the model, and asks for the token.

    >>> "<script>alert" in page({"predict": {}}, "<script>alert(1)</script>")
    False
    """
    options = "".join(f"<option>{html.escape(verb)}</option>" for verb in schemas)
    entries = "".join(_entry(verb, schema, hidden=token) for verb, schema in schemas.items())
    ask = '<label>Token <input type="password" name="token" autocomplete="off" required></label>' if token else ""
    about = "" if token else f"<h2>Model card</h2><pre>{html.escape(card)}</pre>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>weft</title><style>{STYLE}</style></head><body><h1>Try this model</h1>"
        f'<form id="ask"><label>Ask it to <select name="verb">{options}</select></label>{entries}{ask}<button>Ask</button></form>'
        f'<pre id="answer" aria-live="polite">The answer comes here.</pre>{about}'
        '<p>For programs: <a href="/openapi.json">/openapi.json</a> describes every route.</p>'
        f"<script>{SCRIPT}</script></body></html>"
    )


def _entry(verb: str, schema: Mapping[str, Any], *, hidden: bool) -> str:
    """Where a verb's record is put in: a file where a file is all it wants, else JSON."""
    files, name = file_fields(schema), html.escape(verb)
    if len(files) == 1 and not set(schema.get("required", files)) - set(files):
        media, field = html.escape(schema["properties"][files[0]].get("contentMediaType", "*/*")), html.escape(files[0])
        entry = f'<label>{field} <input type="file" name="file" accept="{media}" multiple required></label>'
        return f'<fieldset data-verb="{name}" data-file="{field}">{entry}</fieldset>'
    shown = html.escape("{}" if hidden else json.dumps(example(schema), indent=2, ensure_ascii=False))
    entry = f'<label>Record or list of records (JSON)<textarea name="json" spellcheck="false">{shown}</textarea></label>'
    return f'<fieldset data-verb="{name}">{entry}</fieldset>'
