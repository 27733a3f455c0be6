"""Keys of images by the million, in little memory."""

from array import array
from zlib import crc32

from vision_grpc.texts.strict import bytes_of_key

_SHARDS_BITS = 6
_SHARDS = 1 << _SHARDS_BITS
_FIRST_SLOTS = 8
_64_BITS = (1 << 64) - 1


class KeyTable:
    """A small number, up to 32 bits, for each of many keys.

    Of a key, only 96 bits are kept, Python's hash (SipHash with a secret of the process) and a CRC-32, so that two keys
    are mistaken for each other in one of 10^17 runs of a million images. A million keys take 34 MB, whatever their
    length, and a look-up takes about 1 us. The table grows in 64 parts, each by itself, so that no addition has to move
    all of it.
    """

    __slots__ = ("_count", "_shards")

    def __init__(self) -> None:
        self._shards = [_Shard() for _ in range(_SHARDS)]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str) -> int | None:
        """Return the number of a key, None if the table does not have the key."""
        shard, slot, _, _ = self._find(key)
        return shard.numbers[slot] if shard.lows[slot] else None

    def put(self, key: str, number: int) -> int | None:
        """Set the number of a key; return the one that it had, None if the key is new."""
        shard, slot, low, high = self._find(key)
        if shard.lows[slot]:
            before: int = shard.numbers[slot]
            shard.numbers[slot] = number
            return before
        self._fill(shard, slot, low, high, number)
        return None

    def add(self, key: str, number: int) -> int | None:
        """Set the number of a new key; of a key that has one, return that and leave it."""
        shard, slot, low, high = self._find(key)
        if shard.lows[slot]:
            return shard.numbers[slot]
        self._fill(shard, slot, low, high, number)
        return None

    def _find(self, key: str) -> tuple["_Shard", int, int, int]:
        """Return where a key is, or belongs, and its two hashes."""
        try:
            content = key.encode()
        except UnicodeEncodeError:
            content = bytes_of_key(key)
        low, high = hash(content) & _64_BITS or 1, crc32(content)  # 0 marks a free slot.
        shard = self._shards[low & _SHARDS - 1]
        return shard, shard.find(low, high), low, high

    def _fill(self, shard: "_Shard", slot: int, low: int, high: int, number: int) -> None:
        shard.lows[slot], shard.highs[slot], shard.numbers[slot] = low, high, number
        shard.count += 1
        self._count += 1
        if shard.count * 3 > len(shard.lows) * 2:
            shard.grow()


class _Shard:
    """A hash table with open addressing, at most two thirds full."""

    __slots__ = ("count", "highs", "lows", "numbers")

    def __init__(self) -> None:
        self.count = 0
        self._allocate(_FIRST_SLOTS)

    def find(self, low: int, high: int) -> int:
        """Return the slot of a key, or the free one where it belongs."""
        lows, last = self.lows, len(self.lows) - 1
        slot = low >> _SHARDS_BITS & last
        while (kept := lows[slot]) and (kept != low or self.highs[slot] != high):
            slot = slot + 1 & last
        return slot

    def grow(self) -> None:
        """Double the slots."""
        filled = zip(self.lows, self.highs, self.numbers, strict=True)
        self._allocate(2 * len(self.lows))
        for low, high, number in filled:
            if low:
                slot = self.find(low, high)
                self.lows[slot], self.highs[slot], self.numbers[slot] = low, high, number

    def _allocate(self, slots: int) -> None:
        self.lows = array("Q", bytes(8 * slots))
        self.highs = array("I", bytes(4 * slots))
        self.numbers = array("I", bytes(4 * slots))
