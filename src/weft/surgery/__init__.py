"""Module to module: freezing, adapters, quantization."""

from __future__ import annotations

from weft._lazy import attach

TABLE = {
    "calibrate": "weft.surgery.calibrate:calibrate",
    "freeze": "weft.nn.freezing:freeze",
    "thaw": "weft.nn.freezing:thaw",
    "gradual_unfreezing": "weft.surgery.unfreeze:gradual_unfreezing",
    "lora": "weft.surgery.lora:lora",
    "merge_lora": "weft.surgery.lora:merge_lora",
    "fake_quantize": "weft.surgery.fake_quantize:fake_quantize",
    "round_weights": "weft.surgery.fake_quantize:round_weights",
}
KIND = "surgery"

__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "is_frozen": "weft.nn.freezing:is_frozen",
        "keep_frozen": "weft.nn.freezing:keep_frozen",
        "quantized": "weft.surgery.fake_quantize:quantized",
        "replace_layers": "weft.surgery.replace:replace_layers",
    },
)
