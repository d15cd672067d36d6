"""What the fake API says to organisers: all sales, lines, the catalog, bookings, calling off, and the log."""

import secrets
from collections.abc import Callable
from typing import Any

import yaml

from tests.browser.fake import Answer, FakeApi, Json, RefusedError, Request, named, rfc3339

QUEUE: Json = {"waiting": 0, "active": 0, "entered": 0, "lapsed": 0, "enteredPerMinute": 0, "capacity": 100}
BOOKING = ("reservationId", "seatNumbers", "cancelledSeatNumbers", "seats", "amount", "refunded", "status")


class Desk:
    """The organisers' part of an API, kept as simply as can be; a test may change any of it."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.lines: dict[str, Json] = {}
        self.attention: dict[str, list[Json]] = {}
        self.mistakes: list[Json] = []
        """What is wrong with the next catalog."""
        self.repeat_after: int | None = None
        """Seconds that the next publication has to wait before it can be finished."""
        self.off: dict[str, Json] = {}
        """Performance → how its calling-off stands."""
        self.off_sale: set[str] = set()
        self.unfinished = 0
        """So many looks at a calling-off find it unfinished."""
        self.log: list[Json] = []
        self.page_size = 40
        self.owners: dict[str, str] = {}
        api.routes += [(method, route, True, self._guarded(serve)) for method, route, serve in self._routes()]

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        cancellation = "/organiser/performances/{performanceId}/cancellation"
        for_a_fan = "/organiser/reservations/{reservationId}/cancellation"
        return [
            ("GET", "/organiser/concerts", self.concerts),
            ("PUT", "/organiser/concerts/{concertId}/queue", self.change_line),
            ("POST", "/organiser/catalog", self.publish),
            ("GET", "/organiser/performances/{performanceId}/bookings", self.bookings),
            ("GET", cancellation, self.calling_off),
            ("POST", cancellation, self.call_off),
            ("GET", for_a_fan, self.quote),
            ("POST", for_a_fan, self.cancel),
            ("GET", "/organiser/log", self.log_entries),
        ]

    def _guarded(self, serve: Callable[..., Answer]) -> Callable[..., Answer]:
        def guarded(request: Request, **parts: str) -> Answer:
            if "organiser" not in self.api.groups.get(request.user, []):
                raise RefusedError("FORBIDDEN", 403)
            return serve(request, **parts)

        return guarded

    # -- what a test arranges

    def book(self, name: str, performance_id: str, *numbers: int) -> str:
        """Have a fan buy seats; the reservation's id."""
        fan = self.api.fan(name)
        held = self.api.hold(name, performance_id, list(numbers))
        fan.balance += held["amount"]
        body = {"reservationId": held["reservationId"]}
        self.api.pay(Request("POST", "/payments", {}, {"idempotency-key": secrets.token_hex(4)}, body, name, 0))
        self.owners[held["reservationId"]] = name
        return str(held["reservationId"])

    def line(self, concert_id: str) -> Json:
        """Give a concert's line, which a test may change."""
        return self.lines.setdefault(concert_id, QUEUE | {"paused": False, "message": None})

    def _did(self, request: Request, action: str, details: Json, **more: Any) -> None:
        entry = {"entryId": f"e{len(self.log):04}", "at": rfc3339(self.api.now()), "userId": f"sub-{request.user}"}
        self.log.insert(0, entry | {"name": request.user, "action": action, "details": details} | more)

    # -- all sales

    def _booked(self, performance_id: str) -> list[Json]:
        return [
            one
            for reservation_id, owner in self.owners.items()
            if (one := self.api.fan(owner).reservations[reservation_id])["performanceId"] == performance_id
        ]

    def _performance(self, one: Json) -> Json:
        name = one["performanceId"]
        taken = self.api._taken(name)
        sold = sum(seat["status"] == "SOLD" for seat in taken.values())
        held = len(taken) - sold
        numbers = {"sold": sold, "held": held, "available": one["seatsTotal"] - sold - held}
        booked = self._booked(name)
        money = {"points": sum(each["amount"] for each in booked), "refunded": sum(each["refunded"] for each in booked)}
        grades = [{"gradeId": "standard", "name": "Standard", "translations": {}} | numbers]
        if name in self.api.halls:
            hall, _ = self.api.halls[name]
            grades = []
            for grade in hall.grades:
                seats = [
                    s["seatNumber"] for sec in hall.sections for s in sec.seats if s["gradeId"] == grade["gradeId"]
                ]
                gone = [taken[n]["status"] for n in seats if n in taken]
                counts = {"sold": gone.count("SOLD"), "held": gone.count("HELD"), "available": len(seats) - len(gone)}
                grades.append({"gradeId": grade["gradeId"]} | named(grade) | counts)
        about = ("performanceId", "startsAt", "timezone", "venue", "translations", "hallVersion")
        shown = {member: one[member] for member in about} | {"calledOff": name in self.off, "checkedIn": 0}
        shown["offSale"] = name in self.off_sale
        return shown | numbers | money | {"grades": grades}

    def concerts(self, _: Request) -> Answer:
        """GET /organiser/concerts."""
        items = []
        for concert_id, concert in self.api.concerts.items():
            line = self.line(concert_id)
            status = "PAUSED" if line["paused"] else concert["saleStatus"]
            shown = {"concertId": concert_id, "title": concert["title"], "translations": concert["translations"]}
            shown |= {"saleStatus": status, "queue": dict(line), "attention": self.attention.get(concert_id, [])}
            shown["performances"] = [self._performance(one) for one in self.api._dates(concert_id)]
            items.append(shown | {"asOf": rfc3339(self.api.now())})
        return Answer({"items": items, "nextCursor": None})

    def change_line(self, request: Request, concertId: str) -> Answer:  # noqa: N803
        """PUT /organiser/concerts/{concertId}/queue."""
        if concertId not in self.api.concerts:
            raise RefusedError("CONCERT_NOT_FOUND")
        line = self.line(concertId)
        before = {name: line[name] for name in request.body}
        line |= request.body
        self._did(request, "QUEUE_CHANGED", {"before": before, "after": request.body}, concertId=concertId)
        return Answer({"concertId": concertId} | line)

    # -- the catalog

    def publish(self, request: Request) -> Answer:
        """POST /organiser/catalog."""
        dry = request.query["dryRun"] == "true"
        if self.mistakes:
            raise RefusedError("CATALOG_REFUSED", 409, changes=[], mistakes=self.mistakes, applied=False)
        changes: list[Json] = []
        entries = yaml.safe_load(request.text)["concerts"]
        for entry in entries:
            name = entry["concertId"]
            if name not in self.api.concerts:
                changes.append({"kind": "CREATED", "concertId": name})
            elif self.api.concerts[name]["title"] != entry["title"]:
                change = {"before": self.api.concerts[name]["title"], "after": entry["title"]}
                changes.append({"kind": "CHANGED", "concertId": name, "field": "title"} | change)
            labels = [f"{name}.{date['label']}" for date in entry["performances"]]
            dates = {one["performanceId"] for one in self.api._dates(name)}
            changes += [{"kind": "CREATED", "concertId": name, "performanceId": d} for d in labels if d not in dates]
            changes += [{"kind": "REMOVED", "concertId": name, "performanceId": d} for d in dates if d not in labels]
        body: Json = {"changes": changes, "mistakes": [], "applied": False, "repeatAt": None}
        if dry:
            return Answer(body)
        if self.repeat_after is not None:
            repeat_at, after = rfc3339(self.api.now() + self.repeat_after), str(self.repeat_after)
            self.repeat_after = None
            return Answer(body | {"repeatAt": repeat_at}, 202, {"Retry-After": after})
        for entry in entries:
            words = {name: entry[name] for name in ("title", "artist", "venue")}
            self.api.add_concert(entry["concertId"], **words)
            for date in entry["performances"]:
                at = f"{date['startsAt'].replace(' ', 'T')}:00Z"
                price = {"price": date["price"], "seatsTotal": date["seatsTotal"]}
                self.api.add_performance(entry["concertId"], date["label"], startsAt=at, **price)
            self._did(request, "CATALOG_PUBLISHED", {"changes": changes}, concertId=entry["concertId"])
        return Answer(body | {"applied": True})

    # -- a date

    def bookings(self, request: Request, performanceId: str) -> Answer:  # noqa: N803
        """GET /organiser/performances/{performanceId}/bookings: pages may be short, or empty and not the last."""
        sought = request.query.get("q", "").casefold()
        first = int(request.query.get("cursor", "0"))
        everything = self._booked(performanceId)
        found = []
        for one in everything[first:][: self.page_size]:
            name = self.owners[one["reservationId"]]
            seats = [str(number) for number in one["seatNumbers"]]
            if sought in name.casefold() or one["reservationId"].startswith(sought) or sought in seats:
                shown = {member: one[member] for member in BOOKING} | {"userId": f"sub-{name}", "checkedIn": 0}
                found.append(shown | {"name": name, "confirmedAt": one["createdAt"]})
        more = str(first + self.page_size) if first + self.page_size < len(everything) else None
        return Answer({"items": found, "nextCursor": more})

    def _survey(self, performance_id: str) -> Json:
        booked = [one for one in self._booked(performance_id) if one["status"] == "CONFIRMED"]
        seats = sum(len(one["seatNumbers"]) - len(one["cancelledSeatNumbers"]) for one in booked)
        amount = sum(one["amount"] - one["refunded"] for one in booked)
        sums = {"reservations": len(booked), "seats": seats, "amount": amount, "code": f"code{len(booked)}{seats}"}
        more: Json = {"performanceId": performance_id, "holds": 0, "paymentsInFlight": 0}
        more |= {"offSale": performance_id in self.off_sale, "calledOff": performance_id in self.off}
        return more | {"asOf": rfc3339(self.api.now())} | sums

    def call_off(self, request: Request, performanceId: str) -> Answer:  # noqa: N803
        """POST /organiser/performances/{performanceId}/cancellation."""
        if request.body.get("offSale"):
            self.off_sale.add(performanceId)
        survey = self._survey(performanceId)
        if request.body.get("dryRun"):
            return Answer(survey)
        if performanceId not in self.off:
            if request.body["confirm"] != survey["code"]:
                raise RefusedError("SURVEY_CHANGED")
            self.off[performanceId] = {"reservations": survey["reservations"], "startedAt": rfc3339(self.api.now())}
            details = {name: survey[name] for name in ("reservations", "seats", "amount")}
            concert_id = performanceId.partition(".")[0]
            self._did(request, "PERFORMANCE_CALLED_OFF", details, concertId=concert_id, performanceId=performanceId)
            for one in self._booked(performanceId):
                one |= {"status": "CANCELLED", "cancelledSeatNumbers": one["seatNumbers"], "refunded": one["amount"]}
        return Answer(self._progress(performanceId, is_over=False), 202)

    def calling_off(self, _: Request, performanceId: str) -> Answer:  # noqa: N803
        """GET /organiser/performances/{performanceId}/cancellation."""
        self.unfinished = max(0, (left := self.unfinished) - 1)
        return Answer(self._progress(performanceId, is_over=left == 0))

    def _progress(self, performance_id: str, *, is_over: bool) -> Json:
        seats = self.api.performances[performance_id]["seatsTotal"]
        state: Json = {"performanceId": performance_id, "status": "NONE", "startedAt": None, "seatsTotal": seats}
        state |= {"reservations": 0, "left": 0, "refunded": 0, "seats": 0, "asOf": rfc3339(self.api.now())}
        if performance_id not in self.off:
            return state
        points = sum(one["refunded"] for one in self._booked(performance_id))
        state["startedAt"] = self.off[performance_id]["startedAt"]
        if is_over:
            return state | {"status": "DONE", "refunded": points, "seats": seats}
        left = {"reservations": self.off[performance_id]["reservations"], "left": points}
        return state | left | {"status": "RUNNING", "seats": seats // 2}

    def _owned(self, request: Request, reservation_id: str) -> Request:
        if reservation_id not in self.owners:
            raise RefusedError("RESERVATION_NOT_FOUND")
        owner = self.owners[reservation_id]
        if (request.query | request.body).get("userId") != f"sub-{owner}":
            raise RefusedError("VALIDATION_FAILED")
        return Request(request.method, request.path, request.query, request.headers, request.body, owner, request.at)

    def quote(self, request: Request, reservationId: str) -> Answer:  # noqa: N803
        """GET /organiser/reservations/{reservationId}/cancellation."""
        return self.api.quote(self._owned(request, reservationId), reservationId)

    def cancel(self, request: Request, reservationId: str) -> Answer:  # noqa: N803
        """POST /organiser/reservations/{reservationId}/cancellation."""
        answer = self.api.cancel(self._owned(request, reservationId), reservationId)
        details = {name: answer.body[name] for name in ("seatNumbers", "refund", "fee")}
        self._did(request, "RESERVATION_CANCELLED", details, reservationId=reservationId, reason=request.body["reason"])
        return Answer({name: value for name, value in answer.body.items() if name != "balance"}, answer.status)

    def log_entries(self, request: Request) -> Answer:
        """GET /organiser/log."""
        wanted = request.query.get("concertId")
        own = [one for one in self.log if wanted in {None, one.get("concertId")}]
        return Answer({"items": own[: int(request.query.get("limit", "20"))], "nextCursor": None})
