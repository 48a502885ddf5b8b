"""Every free choice behind a score: protocols, presets, and the signature that states them."""

from sodbench.protocol.protocol import (
    FIXED_SIZES,
    OTHER_KEYS,
    PRESETS,
    Protocol,
    differing,
    parse_mask_rule,
    split_signature,
)

__all__ = [
    "FIXED_SIZES",
    "OTHER_KEYS",
    "PRESETS",
    "Protocol",
    "differing",
    "parse_mask_rule",
    "split_signature",
]
