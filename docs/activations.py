"""Write the page of activations and its picture from the guide: ``python docs/activations.py``.

Both files are kept in git; a test makes the page again and compares.
"""

from __future__ import annotations

import math
from pathlib import Path

from weft.nn.activations.guide import GUIDE, HIDDEN, OUTPUT
from weft.observe import draw_activations

DOCS = Path(__file__).resolve().parent
PICTURE = DOCS / "pictures" / "activations.svg"

BEGINNING = """# Activations

`activation(name, options)` makes every one below; `weft show activation` names the options, `draw_activations(file, names)` draws any of them.

![Twelve activations and their derivatives from -5 to 5](pictures/activations.svg)

```python
import torch

from weft.nn import activation, recommend
from weft.observe import draw_activations

assert recommend("hidden", net="transformer")[0] == "gelu"
act = activation("leaky_relu", {"negative_slope": 0.2})
assert act(torch.tensor([-5.0, 2.0])).tolist() == [-1.0, 2.0]
draw_activations("mine.svg", ["gelu", "silu", "hardswish"])
```
"""

ENDING = """
An output's activation belongs to predicting. While learning, losses of classes take logits: exact where a softmax or a sigmoid would underflow.

## What torch has and what weft adds

Where torch has the layer, the name makes torch's own class; nothing is wrapped. The functions `activation`, `norm_layer`, `pool`, `dropout`,
`transposed_conv` and `constrain` are torch's parts by name, with their options checked. Used as they are: `nn.Conv1d` to `nn.Conv3d` (all padding modes),
`nn.PixelShuffle`, `nn.ChannelShuffle`, `nn.Upsample`, `nn.Fold` and `nn.Unfold`.
"""


def bound(value: float) -> str:
    """A range's end."""
    return ("-" if value < 0 else "") + "∞" if math.isinf(value) else f"{value:g}"


def page() -> str:
    """The whole page."""
    lines = [BEGINNING, "## Each of them", "", "| name | formula | range | for | against | where |", "|---|---|---|---|---|---|"]
    for name, advice in GUIDE.items():
        formula = advice.formula.replace("|", "\\|")
        lines.append(f"| `{name}` | {formula} | {bound(advice.low)} to {bound(advice.high)} | {advice.good} | {advice.bad} | {advice.use} |")
    lines += ["", "## Which to take", "", "`recommend` gives these; the first is the default.", "", "| hidden layers of a net | take |", "|---|---|"]
    lines += [f"| {net.replace('_', ' ')} | {', '.join(f'`{name}`' for name in names)} |" for net, names in HIDDEN.items()]
    lines += ["", "| output for a task | take |", "|---|---|"]
    lines += [f"| {task} | {', '.join(f'`{name}`' for name in names)} |" for task, names in OUTPUT.items()]
    return "\n".join(lines) + "\n" + ENDING


def main() -> None:
    PICTURE.parent.mkdir(exist_ok=True)
    draw_activations(PICTURE)
    (DOCS / "activations.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
