"""The shop's products."""

from dataclasses import dataclass

import numpy as np

from sample_shop.chance import Chance, Ints
from sample_shop.seasons import CATEGORIES

PER_CATEGORY = 40
BRANDS = (
    "Lanhua",
    "Northwind",
    "Qingfeng",
    "Mistral",
    "Yunduo",
    "Pinecrest",
    "Xiaoman",
    "Halden",
    "Baishan",
    "Orrin",
)
_MEDIAN_PRICE = (129, 239, 159, 169, 119, 89, 149, 899, 299, 39, 69, 139, 199, 59, 42, 79)


@dataclass(frozen=True)
class Catalogue:
    """Products by number; number // PER_CATEGORY is the category.

    Attributes
    ----------
    price_cents : numpy.ndarray
        List price of each product in cents.
    brand : numpy.ndarray
        Position in BRANDS.
    identifiers : list of str
        Ids of digits with leading zeros, such as 00417: they are text.
    """

    price_cents: Ints
    brand: Ints
    identifiers: list[str]

    def chosen(self, category: Ints, luck: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Ints:
        """Choose a product of each category; the first products of a category are the popular ones."""
        return category * PER_CATEGORY + (luck**1.8 * PER_CATEGORY).astype(np.int64)


def catalogue_of(chance: Chance) -> Catalogue:
    """Draw the products of a world."""
    number = np.arange(len(CATEGORIES) * PER_CATEGORY)
    median = np.array(_MEDIAN_PRICE, dtype=np.float64)[number // PER_CATEGORY]
    price = median * np.exp(0.45 * chance.normal("list price", number))
    price_cents = np.maximum(np.floor(price), 5).astype(np.int64) * 100 + 90
    identifiers = [f"{100 + 7 * i:05d}" for i in number]
    return Catalogue(price_cents, chance.whole("brand", len(BRANDS), number), identifiers)
