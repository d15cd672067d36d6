"""Catalogs that a seed's dice describe, published one over the other while seats are held and sold.

What the organiser is told, what the tables have then, and what fans are shown of it stays, a line each:
`WRITE_OUTCOMES=1` writes it down anew.
"""

import copy
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.functional.test_outcomes import stored
from tests.kept import assert_kept, digest, plain
from tests.tools import test_halls_by_chance as by_chance
from tests.world import START, Answer, World

ORGANISER = {"cognito:groups": "[organiser]", "cognito:username": "minji"}
CATALOGS, CHANGES = 24, 3
HOUR, DAY = 3600, 86_400
ZONES = ("Asia/Seoul", "America/New_York", "Australia/Adelaide")


def wall(zone: str, seconds: int) -> str:
    """Write a time so long after the start by the clocks of a zone, to the minute before."""
    moment = datetime.fromtimestamp(START, ZoneInfo(zone)) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M}"


class Catalogs:
    """Describes a catalog, and changes it."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.halls: list[dict[str, Any]] = []
        while len(self.halls) < 2:
            hall = by_chance.hall(dice) | {"hallId": f"hall-{len(self.halls)}"}
            if "seats, " in by_chance.what_comes_of(hall):
                self.halls.append(hall)

    def date(self, label: str, zone: str) -> dict[str, Any]:
        """Describe a date, in a hall or not."""
        dice = self.dice
        own = dice.choice(ZONES) if dice.random() < 0.3 else None
        date: dict[str, Any] = {"label": label, "startsAt": wall(own or zone, dice.randint(-2, 40) * DAY + 9 * HOUR)}
        date |= {"timezone": own} if own else {}
        if dice.random() < 0.5:
            date["hall"] = dice.choice(self.halls)["hallId"]
            date["prices"] = {name: dice.randint(1, 900) for name in ("vip", "r", "s")}
            extra: dict[str, Any] = {"noSingleSeats": True, "accessibleReleaseHours": dice.choice([0, 1, 5000])}
        else:
            date["price"] = dice.randint(1, 900)
            extra = {"seatsTotal": dice.randint(1, 30), "venue": dice.choice(["A Yard", "A Barn"])}
        extra["offSale"] = True
        if dice.random() < 0.3:
            date |= {"venue": "Elsewhere", "translations": {"ko": {"venue": "다른 곳"}}}
        return date | {name: value for name, value in extra.items() if dice.random() < 0.25}

    def concert(self, name: str) -> dict[str, Any]:
        """Describe a concert, on sale or not yet or no more, with a lobby or without."""
        dice = self.dice
        zone = dice.choice(ZONES)
        opens = dice.choice([-3 * DAY, -3 * DAY, -HOUR, HOUR, DAY])
        closes = opens + dice.choice([2, 30, 300]) * DAY
        concert: dict[str, Any] = {
            "concertId": name,
            "title": f"T {name}",
            "artist": "A",
            "venue": "V",
            "timezone": zone,
        }
        concert |= {"salesOpenAt": wall(zone, opens), "salesCloseAt": wall(zone, closes)}
        extra = {
            "description": dice.choice(["Music.", "More music."]),
            "lobbyOpensAt": wall(zone, opens - dice.choice([HOUR, 2 * DAY])),
            "queueCapacity": dice.choice([0, 7, 200]),
            "cancellation": dice.choice(["none", {"steps": [{"daysBefore": 5, "keepPercent": 40}], "freeHours": 3}]),
            "translations": {"ko": {"title": "제목", "description": "설명"}},
        }
        concert |= {field: value for field, value in extra.items() if dice.random() < 0.4}
        labels = dice.sample(["one", "two", "three", "four"], dice.randint(0, 3))
        return concert | {"performances": [self.date(label, zone) for label in labels]}

    def first(self) -> dict[str, Any]:
        """Describe a catalog of one or two concerts."""
        concerts = [self.concert(name) for name in ("dawn", "dusk")[: self.dice.randint(1, 2)]]
        return {"halls": self.halls, "concerts": concerts}

    def changed(self, catalog: dict[str, Any]) -> dict[str, Any]:
        """Describe a catalog some fields of which, dates or halls are others."""
        dice = self.dice
        catalog = copy.deepcopy(catalog)
        for _ in range(dice.randint(1, 3)):
            concert = dice.choice(catalog["concerts"])
            other, dates = self.concert(concert["concertId"]), concert["performances"]
            match dice.randint(0, 4):
                case 0 if other["performances"]:
                    gone = {each["label"] for each in other["performances"]}
                    concert["performances"] = [each for each in dates if each["label"] not in gone]
                    concert["performances"] += other["performances"]
                case 1 if dates:
                    dates.remove(dice.choice(dates))
                case 2 if dates:
                    date = dice.choice(dates)
                    changes = self.date(date["label"], concert["timezone"])
                    if ("hall" in date) == ("hall" in changes):
                        field = dice.choice(sorted(changes.keys() - {"label", "timezone"}))
                        date[field] = changes[field]
                case 3 if any("rows" in each for each in catalog["halls"][0]["sections"]):
                    section = catalog["halls"][dice.randint(0, 1)]["sections"][0]
                    section["rows"][-1]["gap"] = section["rows"][-1].get("gap", 0) + 15
                case _:
                    field = dice.choice(sorted(other.keys() - {"concertId", "performances", "timezone"}))
                    concert[field] = other[field]
        return catalog


def sold(world: World, dice: random.Random, catalog: dict[str, Any]) -> None:
    """Have fans hold seats of the first concert's dates and pay for some."""
    concert = catalog["concerts"][0]
    joined = world.call("issue_queue_token", "ann", concertId=concert["concertId"])
    if joined.status != 201 or joined.body["status"] != "ACTIVE":
        return
    for date in concert["performances"]:
        body = {"performanceId": f"{concert['concertId']}.{date['label']}", "quantity": dice.randint(1, 2)}
        token = joined.body["token"]
        held = world.call("reserve_seats", "ann", body, key=f"hold {date['label']}", queue_token=token)
        if held.status == 201 and dice.random() < 0.5:
            world.charge("ann", held.body["amount"])
            world.call(
                "start_payment", "ann", {"reservationId": held.body["reservationId"]}, key=f"pay {date['label']}"
            )


def summed(answer: Answer) -> str:
    """Sum an answer up."""
    return f"{answer.status} {digest(plain([answer.headers, answer.body]))}"


def shown(world: World, catalog: dict[str, Any]) -> str:
    """Tell what fans are shown of the concerts, their dates and halls."""
    world.new_process()
    told = [summed(world.call("list_concerts")), summed(world.call("list_sales", "olga", claims=ORGANISER))]
    for concert in catalog["concerts"]:
        named = {"concertId": concert["concertId"]}
        told += [summed(world.call(name, **named)) for name in ("get_concert", "list_performances")]
        for date in concert["performances"]:
            dated = {"performanceId": f"{concert['concertId']}.{date['label']}"}
            told += [summed(world.call(name, **dated)) for name in ("get_performance", "list_seats", "get_layout")]
    return f"{' '.join(each[:3] for each in told)} {digest(plain(told))}"


def published(world: World, catalog: dict[str, Any], **query: str) -> Answer:
    """Send a catalog, again as long as that is asked for."""
    text = yaml.safe_dump(catalog, sort_keys=False, allow_unicode=True)
    while (answer := world.call("publish_catalog", "olga", text, claims=ORGANISER, query=query)).status == 202:
        world.time.sleep(float(answer.headers["retry-after"]))
    return answer


def test_catalogs_that_dice_describe_are_published_as_they_were_before(world: World, same_secrets: None) -> None:
    empty = world.snapshot()
    told: list[str] = []
    for number in range(CATALOGS):
        dice = random.Random(number)
        world.restore(empty)
        catalogs = Catalogs(dice)
        catalog = catalogs.first()
        told.append(f"{number} {summed(published(world, catalog))} {shown(world, catalog)}")
        sold(world, dice, catalog)
        for _ in range(CHANGES):
            wanted = catalogs.changed(catalog)
            looked = published(world, wanted, dryRun="true")
            answer = published(world, wanted)
            body = answer.body
            what = [each.get("field") or each["kind"] for each in body["changes"]] + [
                each["message"] for each in body["mistakes"]
            ]
            told.append(f"{number} {summed(looked)} {summed(answer)} {plain(what)[:150]} {shown(world, wanted)}")
            if answer.status == 200 and body["applied"]:
                catalog = wanted
        told.append(f"{number} {digest(plain(stored(world)))}")
        assert world.violations() == []

    assert_kept(Path(__file__).with_name("publishing_by_chance.txt"), told)
