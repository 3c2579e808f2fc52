"""What all users of one world share."""

from dataclasses import dataclass

from sample_shop.catalogue import Catalogue, catalogue_of
from sample_shop.chance import Chance
from sample_shop.seasons import Seasons, seasons_of
from sample_shop.world import World


@dataclass(frozen=True)
class Shop:
    """A world with its chance, its calendar and its products."""

    world: World
    chance: Chance
    seasons: Seasons
    catalogue: Catalogue

    @classmethod
    def open(cls, world: World, through: int) -> "Shop":
        """Open the shop of a world, with a calendar up to day number ``through``."""
        chance = Chance(world.seed)
        return cls(world, chance, seasons_of(world, through, chance), catalogue_of(chance))
