"""Every free choice behind a score: protocols, presets, and the signature that states them."""

from sodbench.protocol.protocol import (
    OPTIONAL,
    ORIGINS,
    OTHER_KEYS,
    PRESETS,
    Protocol,
    fixed_size,
    parse_mask_rule,
    split_signature,
)
from sodbench.protocol.signature import (
    Signature,
    acting_parts,
    differences_text,
    differing,
    parse_revisions,
    revisions_text,
    split_dataset,
    stated_parts,
)

__all__ = [
    "OPTIONAL",
    "ORIGINS",
    "OTHER_KEYS",
    "PRESETS",
    "Protocol",
    "Signature",
    "acting_parts",
    "differences_text",
    "differing",
    "fixed_size",
    "parse_mask_rule",
    "parse_revisions",
    "revisions_text",
    "split_dataset",
    "split_signature",
    "stated_parts",
]
