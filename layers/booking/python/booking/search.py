"""The search for a party's seats: which sections are read, in which order, and what a lost race teaches.

Sections are looked at one after the other, those with enough free seats by the shared count first, until one has seats
side by side. They are read with an eventually consistent read; before it is said that there are too few, or that the
party cannot sit together, once more as they are now. What others were faster to take is left out the next time, and the
choice gets wider.
"""

from booking import best_available, halls, seats
from booking.best_available import Choice, Party, Shortfall, Snapshot
from booking.catalog import Concert, Performance, performance_id
from booking.errors import LeavesSingleSeat, NotEnoughSeats, ValidationFailed
from booking.halls import Placed, Wish
from booking.seats import Seat
from booking.settings import settings

READ_AGAIN = 3
"""After so many lost races the sections are read again."""
RUSH_SECONDS = 600
"""For so long after sales have opened, many are taken to choose at the same time."""
RECENT_SECONDS = 10
"""Holds that are younger say how many choose in a section now."""
FEW = 2


def ensure_not_kept(performance: Performance, picked: list[Placed], at: int, *, accessible: bool) -> None:
    """Let accessible places, and their companions', be picked only by who asks for one, until they are released.

    Raises:
        ValidationFailed: with the seats that are kept.

    """
    kept: list[int] = []
    for section, numbers in halls.by_section(picked):
        kept += best_available.kept_places(
            section, numbers, accessible=accessible, released=halls.released(performance, at)
        )
    if kept:
        message = f"{', '.join(map(str, kept))} can be had only with an accessible place: ask with `accessible`"
        raise ValidationFailed(errors=[{"field": "seatNumbers", "message": message}])


def ensure_nobody_alone(performance: Performance, picked: list[Placed], at: int) -> None:
    """Check that picked seats leave none beside them alone, where as good ones that leave none are free.

    Raises:
        LeavesSingleSeat: names the seats left alone, and some that would leave none.

    """
    for section, numbers in halls.by_section(picked):
        taken = seats.read_taken(performance_id(performance), section.numbers, at)
        snapshot = Snapshot(section, {seat["seatNumber"] for seat in taken})
        alone = best_available.leaves_single(snapshot, numbers, released=halls.released(performance, at))
        if alone is not None:
            others = [seat["seatNumber"] for each, seat in picked if each is not section]
            raise LeavesSingleSeat(seatNumbers=list(alone.seats), instead=sorted([*alone.instead, *others]))


class Search:
    """Looks for the best seats for one wish. `seed` decides among what is as good."""

    def __init__(self, performance: Performance, concert: Concert, wish: Wish, seed: str, at: int) -> None:
        hall = halls.summary(performance, at)
        grades = [grade["gradeId"] for grade in hall["grades"]]
        names = [section["sectionId"] for section in hall["sections"]]
        for field, asked, known in (("gradeId", wish.grade_id, grades), ("sectionId", wish.section_id, names)):
            if asked is not None and asked not in known:
                raise ValidationFailed(errors=[{"field": field, "message": f"must be one of {', '.join(known)}"}])
        self._performance, self._at, self._seed = performance, at, seed
        self._party = Party(
            wish.quantity, wish.grade_id, accessible=wish.accessible, released=halls.released(performance, at)
        )
        self._opening = at < concert["salesOpenAt"] + RUSH_SECONDS
        self._candidates = [
            section["sectionId"]
            for section in hall["sections"]
            if wish.section_id in {None, section["sectionId"]} and wish.grade_id in {None, *section["gradeCounts"]}
        ]
        self._sure = False
        self._conflicts = 0
        self._taken: dict[str, list[Seat]] = {}
        self._lost: set[int] = set()

    def choose(self) -> Choice:
        """Return the best seats that are free.

        Raises:
            NotEnoughSeats: says how many are free, and how many of them side by side at most.

        """
        found: Choice | Shortfall = Shortfall(0, 0)
        snapshots: list[Snapshot] = []
        for section_id in self._in_order():
            snapshots.append(self._snapshot(section_id))
            found = self._choose(snapshots[-1:])
            if isinstance(found, Choice) and found.together:
                return found
        if not self._sure:
            self._look_again(sure=True)
            return self.choose()
        if len(snapshots) > 1:
            found = self._choose(snapshots)
        if isinstance(found, Shortfall):
            raise NotEnoughSeats(available=found.available, together=found.together)
        return found

    def lose(self, numbers: list[int]) -> None:
        """Remember what others were faster to take, none when only the same user's requests met."""
        self._lost |= set(numbers)
        self._conflicts += 1
        if not numbers or self._conflicts % READ_AGAIN == 0:
            self._look_again(sure=self._sure)

    def _look_again(self, *, sure: bool) -> None:
        self._sure = sure
        self._taken.clear()
        self._lost.clear()

    def _in_order(self) -> list[str]:
        """Name the sections to look at. Those that the shared count has as full are left out; it is seconds old."""
        if len(self._candidates) < 2:
            return self._candidates
        free, grade = seats.count_free(self._performance, self._at), self._party.grade_id
        counts = {
            section_id: sum(count for of, count in free[section_id].items() if grade in {None, of})
            for section_id in self._candidates
        }
        order = best_available.section_order(counts.items(), self._party.quantity)
        return [section_id for section_id in order if counts[section_id]]

    def _choose(self, snapshots: list[Snapshot]) -> Choice | Shortfall:
        rush = max(self._rush(snapshot.section.section_id) for snapshot in snapshots)
        return best_available.choose(snapshots, self._party, self._seed, rush=rush, conflicts=self._conflicts)

    def _snapshot(self, section_id: str) -> Snapshot:
        section = halls.section(self._performance, section_id, self._at)
        if section_id not in self._taken:
            self._taken[section_id] = seats.read_taken(
                performance_id(self._performance), section.numbers, self._at, consistent=self._sure
            )
        return Snapshot(section, {seat["seatNumber"] for seat in self._taken[section_id]} | self._lost)

    def _rush(self, section_id: str) -> int:
        """Estimate how many others choose in a section at this moment."""
        began = self._at + settings().hold_seconds - RECENT_SECONDS
        recent = {seat["reservationId"] for seat in self._taken[section_id] if seat.get("expiresAt", 0) >= began}
        return max(best_available.RUSH if self._opening else FEW, len(recent))
