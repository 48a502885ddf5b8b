"""All kinds of files, by name."""

from hostile import Kind
from hostile.boards import BOARDS, SIGNATURES
from hostile.checkpoints import CHECKPOINTS
from hostile.images import IMAGES
from hostile.png import PNG
from hostile.scores import SCORES
from hostile.tomls import TOMLS
from hostile.weights import WEIGHTS
from hostile.zips import ZIPS

KINDS: dict[str, Kind] = {
    "png": PNG,
    "images": IMAGES,
    "zips": ZIPS,
    "scores": SCORES,
    "toml": TOMLS,
    "boards": BOARDS,
    "signatures": SIGNATURES,
    "weights": WEIGHTS,
    "checkpoints": CHECKPOINTS,
}
