"""Parts of a job."""

import pytest

from sodbench.utils.shards import Shard


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 12])
def test_shards_are_a_partition(parts):
    items = list(range(10))
    taken = [list(Shard(part, parts).take(items)) for part in range(1, parts + 1)]
    assert sorted(sum(taken, [])) == items
    assert max(map(len, taken)) - min(map(len, taken)) <= 1


@pytest.mark.parametrize(
    "text", ["", "3", "0/4", "5/4", "-1/4", "1/0", "1/2/3", "a/b", "1.0/2", "²/3", "1//2"]
)
def test_what_is_no_shard(text):
    with pytest.raises(ValueError, match="expected K/N, part K of 1 to N, such as 3/16"):
        Shard.parse(text)


@pytest.mark.parametrize("text", ["1/1", "3/16", " 16/16 "])
def test_a_shard_reads_what_it_prints(text):
    assert str(Shard.parse(text)) == text.strip()
