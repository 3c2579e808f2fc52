"""The truth about the simulated users, kept where no pipeline looks for input."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sample_shop.chance import Ints
from sample_shop.dirt import DirtCount
from sample_shop.forecast import HORIZONS
from sample_shop.interventions import ACTIONS, OUTLETS
from sample_shop.people import RESPONSE_TYPES, People
from sample_shop.state import Lives
from sample_shop.world import World

PHASES = ("absent", "engaged", "fading", "gone")


class TruthFiles:
    """Writes users, churn_probability and action_worth (Parquet) chunk by chunk, and dirty_rows.json.

    Parameters
    ----------
    folder : Path
        ``HOME/sample_shop/truth``.
    """

    def __init__(self, folder: Path, world: World) -> None:
        self.folder = folder
        self.world = world
        self._writers: dict[str, pq.ParquetWriter] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "TruthFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, writer in self._writers.items():
            writer.close()
            if kind is None:
                (self.folder / f".{name}.writing").rename(self.folder / name)

    def add(self, people: People, lives: Lives) -> None:
        """Write one chunk of users."""
        self._write("users.parquet", self._users(people, lives))
        churn = lives.churn
        columns = {
            "as_of_date": self._date(churn["day"]),
            "user_id": _user_ids(churn["user"]),
            **{f"churn_probability_{h}d": pa.array(churn[f"probability_{h}d"]) for h in HORIZONS},
            "phase": pa.array(PHASES).take(pa.array(churn["phase"])),
            "satisfaction": pa.array(churn["satisfaction"]),
        }
        self._write("churn_probability.parquet", pa.table(columns))
        worth = lives.worth
        if len(worth["day"]):
            columns = {
                "as_of_date": self._date(worth["day"]),
                "user_id": _user_ids(worth["user"]),
                "action": pa.array(ACTIONS).take(pa.array(worth["action"])),
                "channel": pa.array(OUTLETS).take(pa.array(worth["channel"])),
                "face_value": pa.array(worth["face"] / 100.0),
                "probability_noticed": pa.array(worth["noticed"]),
                "extra_margin": pa.array(worth["extra_margin"]),
                "extra_orders": pa.array(worth["extra_orders"]),
                "probability_saved": pa.array(worth["saved"]),
            }
            self._write("action_worth.parquet", pa.table(columns))

    def write_dirt(self, dirt: DirtCount, last_day: int) -> None:
        """Write how many rows there are and how many are faulty, by kind and table."""
        content = {"through": self.world.date(last_day).isoformat(), "dirty_rate": self.world.dirty_rate}
        text = json.dumps(content | dirt.as_dict(), indent=1)
        (self.folder / "dirty_rows.json").write_text(text + "\n", encoding="utf-8")

    def _users(self, people: People, lives: Lives) -> pa.Table:
        return pa.table(
            {
                "user_id": _user_ids(people.number),
                "signed_up_on": self._date(people.signup_day),
                "purchase_rate_per_day": pa.array(people.rate),
                "fade_hazard_per_day": pa.array(people.fade),
                "base_satisfaction": pa.array(people.base_satisfaction),
                "last_satisfaction": pa.array(lives.satisfaction),
                "price_sensitivity": pa.array(people.price_sensitivity),
                "attention": pa.array(people.attention),
                "response_type": pa.array(RESPONSE_TYPES).take(pa.array(people.response)),
                "sessions_per_day": pa.array(people.browsing),
                "fading_since": self._date(lives.fading_day),
                "dropped_out_on": self._date(lives.gone_day),
            }
        )

    def _date(self, day: Ints) -> Any:
        first = int(np.datetime64(self.world.first_day, "D").astype(np.int64))
        return pa.array((day + first).astype(np.int32), mask=day < 0).cast(pa.date32())

    def _write(self, name: str, content: pa.Table) -> None:
        if name not in self._writers:
            path = self.folder / f".{name}.writing"
            self._writers[name] = pq.ParquetWriter(path, content.schema, compression="zstd")
        self._writers[name].write_table(content)


def _user_ids(number: Ints) -> Any:
    text = pc.utf8_lpad(pc.cast(pa.array(number), pa.string()), 7, "0")
    return pc.binary_join_element_wise("u", text, "")
