"""What is known of a face's action units: which are there, which are not, and how much of the whole that is."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from feallm.facs.action_units import CODED_AUS


@dataclass(frozen=True)
class Coding:
    """One face's codes; a unit that is in neither part is unknown, and nothing may be said of it.

    `units`: those present with their strengths in 0..5, or None where only presence is known. `absent`: those that were
    looked for and are not there. `sides["AU12"]`: "L" or "R" of a one-sided unit.
    """

    units: Mapping[str, float | None]
    absent: frozenset[str] = frozenset()
    sides: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def whole(cls, units: Mapping[str, float | None]) -> "Coding":
        """Every coded unit is known: those that are not among `units` are absent."""
        return cls(units, frozenset(CODED_AUS) - units.keys())

    @property
    def known(self) -> tuple[str, ...]:
        """Units whose presence or absence is known, in order."""
        return tuple(sorted(self.units.keys() | self.absent))

    @property
    def complete(self) -> bool:
        """Whether all coded units are known: only then may "no other" or "the rest is still" be said."""
        return self.still_but(CODED_AUS, self.units)

    def still(self, units: Iterable[str]) -> bool:
        """Whether all of these are known to be absent."""
        return self.absent.issuperset(units)

    def still_but(self, units: Iterable[str], shown: Collection[str]) -> bool:
        """Whether all of these but those `shown` are known to be absent."""
        return self.still(unit for unit in units if unit not in shown)
