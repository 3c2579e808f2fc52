"""Chance that depends only on what it is asked about.

Every draw is a hash of (seed, purpose, keys), for instance (7, "intent", user 12, day 30). No draw
depends on the order of calls, on the size of a chunk or on the last simulated day, so a world can be
simulated in chunks and continued later without changing a byte of what was delivered before.
"""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[Any]]
Key = Ints | int

_MASK = (1 << 64) - 1
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


class Chance:
    """Counter-based random numbers of one seed.

    Parameters
    ----------
    seed : int
        The world's seed.

    Notes
    -----
    The finaliser is Stafford's "Mix13" as used by SplitMix64 (Steele, Lea and Flood, 2014).
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._salts: dict[str, int] = {}

    def uniform(self, purpose: str, *keys: Key) -> Floats:
        """Draw one number in [0, 1) for each combination of keys (up to three, broadcast together)."""
        bits = self._bits(purpose, keys)
        bits >>= np.uint64(11)
        return np.asarray(bits * 2.0**-53, dtype=np.float64)

    def normal(self, purpose: str, *keys: Key) -> Floats:
        """Draw standard normal numbers (Box and Muller's transform)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(purpose + "/radius", *keys)))
        return np.asarray(radius * np.cos(2.0 * np.pi * self.uniform(purpose + "/angle", *keys)))

    def gamma(self, purpose: str, shape: float, keys: Ints) -> Floats:
        """Draw gamma numbers with the given shape and scale 1 (Marsaglia and Tsang, 2000)."""
        boosted = shape if shape >= 1.0 else shape + 1.0
        d = boosted - 1.0 / 3.0
        c = 1.0 / np.sqrt(9.0 * d)
        result = np.zeros(len(keys))
        waiting = np.arange(len(keys))
        attempt = 0
        while len(waiting):
            x = self.normal(f"{purpose}/x", keys[waiting], attempt)
            v = (1.0 + c * x) ** 3
            u = self.uniform(f"{purpose}/u", keys[waiting], attempt)
            with np.errstate(invalid="ignore", divide="ignore"):
                accepted = (v > 0) & (np.log(u) < 0.5 * x * x + d - d * v + d * np.log(v))
            result[waiting[accepted]] = d * v[accepted]
            waiting = waiting[~accepted]
            attempt += 1
        if shape < 1.0:
            result *= (1.0 - self.uniform(f"{purpose}/power", keys)) ** (1.0 / shape)
        return result

    def whole(self, purpose: str, below: int, *keys: Key) -> Ints:
        """Draw whole numbers in 0..below-1, all equally likely."""
        return np.asarray(self.uniform(purpose, *keys) * below).astype(np.int64)

    def pick(self, purpose: str, shares: list[float], *keys: Key) -> Ints:
        """Draw positions 0..len(shares)-1 with the given shares (they need not sum to 1)."""
        return pick_by(self.uniform(purpose, *keys), shares)

    def _bits(self, purpose: str, keys: tuple[Key, ...]) -> npt.NDArray[np.uint64]:
        salt = self._salts.get(purpose)
        if salt is None:
            digest = hashlib.blake2b(f"{self.seed}:{purpose}".encode(), digest_size=8).digest()
            salt = self._salts[purpose] = int.from_bytes(digest, "little")
        constant, total = salt, None
        for key, odd in zip(keys, _ODD, strict=False):
            if isinstance(key, int):
                constant = (constant + key * odd) & _MASK
            else:
                term = key.astype(np.uint64) * np.uint64(odd)
                total = term if total is None else total + term
        bits = np.full(1, constant, dtype=np.uint64) if total is None else total + np.uint64(constant)
        bits ^= bits >> np.uint64(30)
        bits *= np.uint64(0xBF58476D1CE4E5B9)
        bits ^= bits >> np.uint64(27)
        bits *= np.uint64(0x94D049BB133111EB)
        bits ^= bits >> np.uint64(31)
        return bits


def pick_by(uniform: Floats, shares: list[float]) -> Ints:
    """Turn uniform numbers into positions with the given shares."""
    edges = np.cumsum(shares)
    positions = np.searchsorted(edges / edges[-1], uniform, side="right")
    return np.minimum(positions, len(shares) - 1).astype(np.int64)
