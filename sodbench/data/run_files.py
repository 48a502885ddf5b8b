"""What the ``run.json`` beside maps says of how they were made."""

import json
from collections.abc import Sequence

from sodbench.data.archives import list_members, read_member
from sodbench.data.remote.servers import AbsentError
from sodbench.data.sources import RUN_FILE, ImageFile
from sodbench.errors import SodbenchError
from sodbench.utils.files import read_file
from sodbench.utils.urls import PathOrUrl, Url


def made_with(path: PathOrUrl, entries: Sequence[ImageFile]) -> dict[str, str]:
    """Return the floating-point ``precision`` in which a network made maps; nothing if no record says it.

    Parameters
    ----------
    path
        The folder or zip of the maps.
    entries
        The maps of one method on one dataset in it.

    Raises
    ------
    SodbenchError
        The maps are elsewhere, and the server fails: there may be a record.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sodbench.data.sources import InFolder
    >>> entries = [ImageFile("SOD/a.png", InFolder(""))]
    >>> with tempfile.TemporaryDirectory() as maps:
    ...     Path(maps, "SOD").mkdir()
    ...     _ = Path(maps, "SOD/run.json").write_text('{"configuration": {"precision": "bf16"}}')
    ...     made_with(Path(maps), entries), made_with(Path(maps, "SOD"), entries)
    ({'precision': 'bf16'}, {})
    """
    folder = entries[0].home
    name = f"{folder}/{RUN_FILE}" if folder else RUN_FILE
    try:
        if path.is_file():
            record = read_member(path, dict(list_members(path).files)[name], name)
        elif isinstance(path, Url):
            from sodbench.data.remote.reading import read_url

            record = read_url(path / name)
        else:
            record = read_file(path / name)
        precision = json.loads(record)["configuration"]["precision"]
    except SodbenchError as error:
        if isinstance(path, Url) and not isinstance(error, AbsentError):
            raise
        return {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {"precision": precision} if isinstance(precision, str) else {}
