"""The frame of a report: style, content policy, title."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Sequence

from weft.observe.charts import STYLE
from weft.observe.markup import Markup, raw, tag

PAGE_STYLE = raw("""
html{background:#eef1f5;color-scheme:light dark}@media (prefers-color-scheme:dark){html{background:#0c1015}}
body{margin:0}main{max-width:1120px;margin:0 auto;padding:32px 20px 64px}
header{margin-bottom:24px}h1{font-size:26px;line-height:1.25;margin:0;overflow-wrap:anywhere;letter-spacing:-.01em}
header p{margin:4px 0 0;color:var(--soft)}
section{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin:0 0 18px}
h2{font-size:16px;margin:0 0 14px}h3{font-size:13px;margin:18px 0 8px;color:var(--soft);font-weight:600}
.weft p{margin:0 0 12px}.weft section>:last-child{margin-bottom:0}
.tiles{align-content:start;display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px}
.tile{background:var(--card);border-radius:10px;padding:12px 14px;min-width:0}
.tile b{display:block;font-size:24px;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:18px 24px}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;color:var(--soft);font-weight:600;font-size:13px}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td.number,th.number{text-align:right;white-space:nowrap}td.bar{vertical-align:middle;width:96px}.keys th{width:190px;font-weight:500}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--card);border-radius:8px;padding:12px 14px;margin:0 0 12px;
white-space:pre-wrap;overflow-wrap:anywhere;max-height:420px;overflow-y:auto}
.records{display:grid;grid-template-columns:repeat(auto-fill,minmax(128px,1fr));gap:14px}
.records.big{grid-template-columns:repeat(auto-fill,minmax(min(100%,280px),1fr))}
figure{margin:0;background:var(--card);border-radius:10px;padding:8px;min-width:0}
figure img{display:block;width:100%;height:auto;border-radius:6px;image-rendering:auto}
figure img.small{image-rendering:pixelated}figcaption{font-size:12.5px;line-height:1.4;margin-top:6px;overflow-wrap:anywhere;color:var(--soft)}
figcaption b{color:var(--bad)}figcaption em{color:var(--good);font-style:normal}figure pre{font-size:12px;max-height:220px;margin:0;padding:4px}
.soft{color:var(--soft)}footer{color:var(--soft);font-size:13px}
@media (max-width:600px){main{padding:18px 10px 40px}section{padding:16px 14px;border-radius:10px}.keys th{width:110px}}
@media print{html{background:#fff}section{break-inside:avoid}pre{max-height:none}}
""")


def page(title: str, parts: Sequence[Markup], what: str = "Report of a run") -> str:
    """A whole document. Its policy allows this style sheet (by its hash) and pictures inside the file, and nothing else."""
    style = raw(STYLE + PAGE_STYLE)
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        {},
        tag("meta", {"charset": "utf-8"}),
        tag("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        tag("meta", {"name": "referrer", "content": "no-referrer"}),
        tag("title", {}, title),
        tag("style", {}, style),
    )
    written = time.strftime("%Y-%m-%d %H:%M")
    header = tag("header", {}, tag("h1", {}, title), tag("p", {}, f"{what}, written {written} by weft"))
    return "<!doctype html>\n" + tag("html", {"lang": "en"}, head, tag("body", {"class": "weft"}, tag("main", {}, header, *parts))) + "\n"


def section(title: str, *children: Markup | str | None) -> Markup:
    """A card with a heading."""
    return tag("section", {}, tag("h2", {}, title), *children)
