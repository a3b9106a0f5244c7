"""The rules by name, in the order they are tried: a sticker is dropped for the first one it violates.

A broken picture needs no rule: the probe rejects it when it cannot be decoded.
"""

RULES: dict[str, str] = {
    "size": "vsd2m.filter.rules.size:Size",
    "aspect_ratio": "vsd2m.filter.rules.aspect_ratio:AspectRatio",
    "num_frames": "vsd2m.filter.rules.num_frames:NumFrames",
    "static_though_animated": "vsd2m.filter.rules.static_though_animated:StaticThoughAnimated",
    "blank": "vsd2m.filter.rules.blank:Blank",
    "entropy": "vsd2m.filter.rules.entropy:Entropy",
    "unsafe": "vsd2m.filter.rules.unsafe:Unsafe",
    "watermark": "vsd2m.filter.rules.watermark:Watermark",
    "text_length": "vsd2m.filter.rules.text_length:TextLength",
}
