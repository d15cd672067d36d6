"""The operations whose cost is counted, with the floor and the budget of each.

A floor is what the work would cost at least if nothing were guaranteed; a budget is with the guarantee. A cold call
also reads what a process remembers, so its budget is `COLD_READS` more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from booking import catalog, clock, halls, tickets
from booking import overview as overview_cache
from booking.layout import Hall
from lab.measure.prices import Bill
from lab.measure.world import CAPACITY, CONCERT, PERFORMANCE, PRICE, SEATS, World
from lab.seating import section_of
from tests import world as in_process

COLD_READS = 1.5
"""What a cold call may read more: the concert, the performance and the queue's cursor."""
PAY_WRITES = 20
"""The design has 18. The two others put an open payment on the sparse index `open` and take it off again, which is how
one whose workflow never began is found without a scan (docs/performance.md)."""
WAIT_SECONDS = 600
SCANS = 100
ORGANISER, STAFF = {"cognito:groups": "[organiser]"}, {"cognito:groups": "[staff]"}
KEY = "5f0c1c0e-8d5c-4f0e-9d53-2f5a0d8f7b61"
JOURNEY_USD = 75e-6
JOURNEY_FLOOR_USD = 46e-6


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that an operation may ask for."""

    read_units: float
    write_units: float
    lambda_calls: float = 1
    transitions: float = 0
    items_read: float = float("inf")

    def allows(self, bill: Bill) -> bool:
        """Tell whether a bill stays within it."""
        return (
            bill.read_units <= self.read_units
            and bill.write_units <= self.write_units
            and bill.lambda_calls <= self.lambda_calls
            and bill.transitions <= self.transitions
            and bill.items_read <= self.items_read
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that is counted: how it is done, warm or cold, and what it may cost."""

    name: str
    about: str
    floor: Bill
    budget: Budget
    run: Callable[[World, bool], Bill]
    can_be_cold: bool = True


def _http(read_units: float, write_units: float) -> Bill:
    return Bill(read_units, write_units, http_calls=1, lambda_calls=1)


def list_concerts(world: World, cold: bool) -> Bill:
    """List the concerts."""
    return _again(world, cold, "list_concerts")


def list_performances(world: World, cold: bool) -> Bill:
    """List a concert's dates, with the seats that are left."""
    return _again(world, cold, "list_performances", concertId=CONCERT)


def list_seats(world: World, cold: bool) -> Bill:
    """List 50 seats of which every one is taken, which is when there is most to read."""
    world.take_seats(range(1, SEATS + 1))
    return _again(world, cold, "list_seats", performanceId=PERFORMANCE)


def _again(world: World, cold: bool, function: str, user: str = "", **options: Any) -> Bill:
    """Read once without counting, and once with."""
    world.demand(200, function, user, **options)
    with world.measured(cold=cold) as tally:
        world.demand(200, function, user, **options)
    return tally.bill


def issue_token(world: World, cold: bool) -> Bill:
    """Join a line of a thousand."""
    world.fill_line(active=10, waiting=1000)
    world.join(world.user(), CONCERT)
    with world.measured(cold=cold) as tally:
        world.demand(201, "issue_queue_token", world.user(), concertId=CONCERT)
    return tally.bill


def _poll(world: World, user: str, queue_token: str) -> tuple[str, int]:
    polled = world.demand(200, "poll_queue_token", user, concertId=CONCERT, queue_token=queue_token)
    return polled["token"], polled["pollAfterSeconds"]


def poll(world: World, cold: bool) -> Bill:
    """Poll when it costs most: the token's life has to be renewed, and this process has not read the cursor lately."""
    world.fill_line(active=10, waiting=1000)
    user = world.user()
    queue_token = world.join(user, CONCERT)["token"]
    world.time.at += 60
    with world.measured(cold=cold) as tally:
        _poll(world, user, queue_token)
    return tally.bill


def poll_let_in(world: World, cold: bool) -> Bill:
    """Poll when it is one's turn."""
    world.fill_line(active=10, waiting=100)
    user = world.user()
    queue_token = world.join(user, CONCERT)["token"]
    world.move_line(111)
    world.time.at += 1
    with world.measured(cold=cold) as tally:
        _poll(world, user, queue_token)
    return tally.bill


def poll_average(world: World, cold: bool) -> Bill:
    """Poll as told through a wait of ten minutes, in processes busy enough to have the cursor at hand."""
    del cold
    world.fill_line(active=10, waiting=WAIT_SECONDS - 1)
    user = world.user()
    queue_token, polls, total = world.join(user, CONCERT)["token"], 0, Bill()
    began, pause = world.now, 2
    while world.now + pause < began + WAIT_SECONDS:
        world.time.at += pause
        world.move_line(10 + int(world.now - began))
        world.demand(200, "get_concert", concertId=CONCERT)
        with world.measured() as tally:
            queue_token, pause = _poll(world, user, queue_token)
        polls, total = polls + 1, total + tally.bill
    return total * (1 / polls)


def reserve_seat(world: World, cold: bool) -> Bill:
    """Hold the last seat of a hall, which is when there is most to read."""
    world.take_seats(range(1, SEATS))
    return _reserve(world, SEATS, 201, cold)


def lose_seat(world: World, cold: bool) -> Bill:
    """Ask for a seat that somebody else has."""
    world.take_seats(range(1, SEATS + 1))
    return _reserve(world, SEATS, 409, cold)


def reserve_two(rows: int) -> Callable[[World, bool], Bill]:
    """Hold two picked seats in a hall of so many rows of 25, of which all others are taken."""

    def run(world: World, cold: bool) -> Bill:
        performance_id, names = _in_hall(world, rows)
        user = world.user()
        queue_token = world.enter(user, CONCERT)
        body = {"performanceId": performance_id, "seatNumbers": [rows * 25 - 1, rows * 25]}
        world.demand(200, "list_seats", performanceId=performance_id, query={"section": names[-1]})
        with world.measured(cold=cold) as tally:
            world.demand(201, "reserve_seats", user, body, queue_token=queue_token)
        return tally.bill

    return run


def list_section(world: World, cold: bool) -> Bill:
    """List a section of 600 seats of a hall of 9,600, every one of them taken."""
    performance_id, names = _in_hall(world, 384)
    world.take_seats(range(1, 601), performance_id)
    section = {"section": names[0]}
    world.demand(200, "list_seats", performanceId=performance_id, query=section)
    with world.measured(cold=cold) as tally:
        world.demand(200, "list_seats", performanceId=performance_id, query=section)
    return tally.bill


def _in_hall(world: World, rows: int) -> tuple[str, list[str]]:
    """Publish another date, in a hall of so many rows of 25 in sections of 24 rows; return its id and its sections."""
    sections = tuple(section_of(min(24, rows - row), 25, row * 25 + 1) for row in range(0, rows, 24))
    hall = Hall("measured", "Measured", ({"gradeId": "r", "name": "R"},), sections)
    pk, label = halls.partition(hall.version), f"rows-{rows}"
    world.put("catalog", {"pk": pk, "sk": "SUMMARY", "summary": hall.summary()})
    for section in sections:
        world.put("catalog", {"pk": pk, "sk": f"SECTION#{section.section_id}", "layout": section.text()})
    facts = {"hallVersion": hall.version, "prices": {"r": PRICE}, "price": PRICE, "seatsTotal": hall.seats_total}
    in_process.World.publish(world, CONCERT, {label: facts})
    return f"{CONCERT}.{label}", [section.section_id for section in sections]


def _reserve(world: World, seat: int, status: int, cold: bool) -> Bill:
    performance = catalog.find_performance(PERFORMANCE, clock.now())
    catalog.find_concert(performance["pk"], clock.now())
    user = world.user()
    queue_token = world.enter(user, CONCERT)
    body = {"performanceId": PERFORMANCE, "seatNumbers": [seat]}
    with world.measured(cold=cold) as tally:
        world.demand(status, "reserve_seats", user, body, queue_token=queue_token)
    return tally.bill


def charge(world: World, cold: bool) -> Bill:
    """Add points."""
    return _change_points(world, "charge_points", {"amount": 50_000}, cold)


def use(world: World, cold: bool) -> Bill:
    """Take points."""
    return _change_points(world, "use_points", {"amount": PRICE, "reason": "a programme book"}, cold)


def _change_points(world: World, function: str, body: dict[str, object], cold: bool) -> Bill:
    user = world.user()
    world.charge(user, 100_000)
    with world.measured(cold=cold) as tally:
        world.demand(201, function, user, body, key=KEY)
    return tally.bill


def pay(world: World, cold: bool) -> Bill:
    """Pay for a held seat, to the end of the workflow."""
    world.take_seats(range(1, 10))
    user = world.user()
    world.charge(user, 50_000)
    body = {"reservationId": world.hold(user, 10, performance=PERFORMANCE)["reservationId"]}
    with world.measured(cold=cold) as tally:
        world.demand(201, "start_payment", user, body, key=KEY)
    return tally.bill


def cancel(world: World, cold: bool) -> Bill:
    """Cancel a seat that is paid for, and get its points back."""
    return _cancel(world, 1, cold)


def cancel_two(world: World, cold: bool) -> Bill:
    """Cancel two seats at once."""
    return _cancel(world, 2, cold)


def _cancel(world: World, seats: int, cold: bool) -> Bill:
    user, numbers = world.user(), list(range(10, 10 + seats))
    world.charge(user, 50_000)
    held = world.hold(user, *numbers, performance=PERFORMANCE)["reservationId"]
    world.demand(201, "start_payment", user, {"reservationId": held}, key=KEY)
    world.demand(200, "quote_cancellation", user, reservationId=held)
    body = {"expectedRefund": PRICE * seats}
    with world.measured(cold=cold) as tally:
        world.demand(201, "cancel_reservation", user, body, key=KEY, reservationId=held)
    return tally.bill


def overview(rows: int) -> Callable[[World, bool], Bill]:
    """Look at all sales as an organiser, of a hall of so many rows of 25 that is sold out."""

    def run(world: World, cold: bool) -> Bill:
        world.sell_out(_in_hall(world, rows)[0], rows * 25)
        world.demand(200, "list_sales", "olga", claims=ORGANISER)
        world.time.at += overview_cache.CACHE_SECONDS + 1
        with world.measured(cold=cold) as tally:
            world.demand(200, "list_sales", "olga", claims=ORGANISER)
        return tally.bill

    return run


def scan(world: World, cold: bool) -> Bill:
    """Send a hundred scans of good tickets, and count one."""
    performance_id, _ = _in_hall(world, 80)
    bought = world.sell_out(performance_id, SCANS)
    codes = [tickets.code_of(tickets.ticket_of(performance_id, number, name)) for number, name in bought.items()]
    at = clock.rfc3339(clock.now())
    sent = [{"scanId": str(number), "code": code, "at": at} for number, code in enumerate(codes)]
    catalog.find_performance(performance_id, clock.now())
    with world.measured(cold=cold) as tally:
        body = {"deviceId": "door-1", "scans": sent}
        world.demand(200, "record_check_ins", "sam", body, claims=STAFF, performanceId=performance_id)
    return tally.bill * (1 / SCANS)


def guest_list(world: World, cold: bool) -> Bill:
    """Load the guest list of a hall of 2,000 that is sold out."""
    performance_id, _ = _in_hall(world, 80)
    world.sell_out(performance_id, 2_000)
    return _again(world, cold, "get_guest_list", "sam", claims=STAFF, performanceId=performance_id)


def advance_tick(world: World, cold: bool) -> Bill:
    """Look after a full hall with a line before it, when nothing changes hands."""
    world.fill_line(active=CAPACITY, waiting=100)
    with world.measured(cold=cold) as tally:
        world.tick(CONCERT)
    return tally.bill


OPERATIONS = [
    Operation("list_concerts", "list the concerts", _http(0.5, 0), Budget(0, 0), list_concerts),
    Operation("list_performances", "list a concert's dates", _http(0.5, 0), Budget(0, 0), list_performances),
    Operation("list_seats", "list 50 taken seats", _http(0.5, 0), Budget(1, 0), list_seats),
    Operation("issue_token", "join a line of 1,000", _http(0, 1), Budget(1, 3), issue_token),
    Operation("poll", "poll, at most", _http(0, 0), Budget(0.5, 1), poll),
    Operation("poll_let_in", "poll, and be let in", _http(0, 0), Budget(0.5, 1), poll_let_in),
    Operation("poll_average", "poll, over a wait of 10 min", _http(0, 0), Budget(0, 0.5), poll_average, False),
    Operation("reserve_seat", "hold the last of 50 seats", _http(0, 1), Budget(3, 8), reserve_seat),
    Operation("lose_seat", "ask for a seat that is taken", _http(0, 0), Budget(3, 0), lose_seat),
    Operation("reserve_two_of_500", "hold two of 500 seats", _http(0, 2), Budget(12, 10), reserve_two(20)),
    Operation("reserve_two_of_9600", "hold two of 9,600 seats", _http(0, 2), Budget(12, 10), reserve_two(384)),
    Operation("list_section", "list a section of 600 of 9,600", _http(0.5, 0), Budget(13, 0), list_section),
    Operation("charge", "charge points", _http(0, 4), Budget(1, 6), charge),
    Operation("use", "use points", _http(0, 4), Budget(1, 6), use),
    Operation(
        "pay",
        "pay for a seat",
        Bill(0, 8, http_calls=1, lambda_calls=3),
        Budget(4, PAY_WRITES, lambda_calls=3, transitions=5),
        pay,
    ),
    Operation("cancel", "cancel a seat, points back", _http(0, 8), Budget(5, 18), cancel),
    Operation("cancel_two", "cancel two seats at once", _http(0, 9), Budget(5, 21), cancel_two),
    Operation("overview_2000", "all sales, 2,000 sold", _http(0.5, 0), Budget(50, 0), overview(80), False),
    Operation("overview_20000", "all sales, 20,000 sold", _http(0.5, 0), Budget(400, 0), overview(800), False),
    Operation("scan", "a ticket scanned, of 100", Bill(0.5, 1), Budget(1, 4), scan, False),
    Operation("guest_list", "guest list of 2,000", _http(37.5, 0), Budget(80, 0), guest_list, False),
    Operation(
        "advance_tick",
        "one tick, 500 in, 100 waiting",
        Bill(),
        Budget(float("inf"), 2, lambda_calls=0, items_read=CAPACITY + 50 + 2),
        advance_tick,
    ),
]


def measure(operation: Operation, *, cold: bool = False) -> Bill:
    """Do the operation in a world of its own and count it."""
    with World() as world:
        return operation.run(world, cold)


def within_budget(operation: Operation, bill: Bill, *, cold: bool = False) -> bool:
    """Tell whether an operation's bill keeps its budget."""
    budget = operation.budget
    if cold:
        budget = Budget(budget.read_units + COLD_READS, budget.write_units, budget.lambda_calls, budget.transitions)
    return budget.allows(bill)


def journey(bills: dict[str, Bill]) -> Bill:
    """Sum a fan's way through: 3 seat maps, a place in line, 20 polls, 1.2 reservations, a charge and a payment."""
    return (
        bills["list_seats"] * 3
        + bills["issue_token"]
        + bills["poll_average"] * 19
        + bills["poll_let_in"]
        + bills["reserve_seat"] * 1.2
        + bills["charge"]
        + bills["pay"]
    )
