"""What all users of one world share."""

from dataclasses import dataclass, field

from sample_shop.catalogue import Catalogue, catalogue_of
from sample_shop.chance import Chance
from sample_shop.interventions import Interventions
from sample_shop.seasons import Seasons, seasons_of
from sample_shop.world import World


@dataclass(frozen=True)
class Shop:
    """A world with its chance, its calendar, its products, and what reached its users from outside."""

    world: World
    chance: Chance
    seasons: Seasons
    catalogue: Catalogue
    interventions: Interventions = field(default_factory=Interventions.none)

    @classmethod
    def open(cls, world: World, through: int, interventions: Interventions | None = None) -> "Shop":
        """Open the shop of a world, with a calendar up to day number ``through``."""
        chance = Chance(world.seed)
        reached = Interventions.none() if interventions is None else interventions
        return cls(world, chance, seasons_of(world, through, chance), catalogue_of(chance), reached)
