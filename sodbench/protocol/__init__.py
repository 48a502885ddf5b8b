"""Every free choice behind a score: protocols, presets, and the signature that states them."""

from sodbench.protocol.protocol import FIXED_SIZES, PRESETS, Protocol, parse_mask_rule
from sodbench.protocol.signature import OTHER_KEYS, differences_text, differing, split_signature

__all__ = [
    "FIXED_SIZES",
    "OTHER_KEYS",
    "PRESETS",
    "Protocol",
    "differences_text",
    "differing",
    "parse_mask_rule",
    "split_signature",
]
