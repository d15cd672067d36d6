"""What the answers look like: the specification is made from these, and the tests hold the answers to them."""

from typing import Any, Literal, NotRequired, TypedDict


class Dates(TypedDict):
    """A concert's dates that have not begun: how many, when, and the lowest price of a seat."""

    count: int
    firstAt: str
    lastAt: str
    timezone: str
    priceFrom: int


class Concert(TypedDict):
    """A concert in a list. `translations` has its texts in other languages, by language and member.

    Where `lobbyOpensAt` is, whoever comes between it and `salesOpenAt` is put in an order that is drawn.
    """

    lobbyOpensAt: NotRequired[str]
    concertId: str
    title: str
    artist: str
    venue: str
    salesOpenAt: str
    salesCloseAt: str
    saleStatus: Literal["UPCOMING", "ON_SALE", "PAUSED", "SOLD_OUT", "NO_DATES", "OVER"]
    dates: Dates | None
    translations: dict[str, dict[str, str]]


class Queue(TypedDict):
    """How full a concert's queue is: who waits, how many places are in use, and of how many.

    While it is `paused`, nobody is let in.
    """

    waiting: int
    active: int
    capacity: int
    paused: bool
    entered: int
    lapsed: int
    secondsSinceAdvance: int | None


class FeeStep(TypedDict):
    """What is kept of a price from so many calendar days before the show on."""

    daysBefore: int
    keepPercent: int


class Fees(TypedDict):
    """On what terms a booking can be cancelled: the first step that is reached counts; with none, never.

    Within `freeHours` of paying, and `freeDaysBefore` or more days before the show, nothing is kept.
    """

    steps: list[FeeStep]
    freeHours: int
    freeDaysBefore: int


class ConcertDetail(Concert):
    """One concert. A hold lasts `holdSeconds`; one user may hold or own `maxSeatsPerUser` seats of a date."""

    description: str
    holdSeconds: int
    maxSeatsPerUser: int
    cancellation: Fees
    queue: Queue


class Performance(TypedDict):
    """One date of a concert. Without a `hallVersion` its seats are numbers; with one they stand in rows (`layout`)."""

    performanceId: str
    startsAt: str
    timezone: str
    venue: str
    translations: dict[str, dict[str, str]]
    hallVersion: str | None
    price: int
    seatsTotal: int
    seatsAvailable: int
    cancelled: bool
    bookable: bool


class GradeName(TypedDict):
    """What seats of one price are called."""

    gradeId: str
    name: str
    translations: dict[str, dict[str, str]]


class Grade(GradeName):
    """A price of a performance, and how many seats of it are left."""

    price: int
    seatsAvailable: int


class SectionName(TypedDict):
    """A part of a hall that is drawn and read as one."""

    sectionId: str
    name: str
    translations: dict[str, dict[str, str]]
    gradeIds: list[str]
    seatsTotal: int


class Section(SectionName):
    """A part of a hall, and how many of its seats are left."""

    seatsAvailable: int


class PerformanceDetail(TypedDict):
    """One date, with what is left and what it costs. `hallVersion` is null where the seats are just numbers."""

    performanceId: str
    concertId: str
    startsAt: str
    timezone: str
    venue: str
    translations: dict[str, dict[str, str]]
    bookable: bool
    hallVersion: str | None
    grades: list[Grade]
    sections: list[Section]
    seatsTotal: int
    seatsAvailable: int


class LayoutSection(SectionName):
    """How a section is drawn: its outline, and the point that its best seats are nearest to, in centimetres."""

    focus: list[int]
    outline: list[list[int]]


class LayoutSeat(TypedDict):
    """A seat as it is drawn and as it is printed on the chair. x grows to the right, y away from the stage's edge."""

    seatNumber: int
    sectionId: str
    row: str
    label: str
    x: int
    y: int
    gradeId: str
    accessible: NotRequired[bool]
    companionOf: NotRequired[int]


class Layout(TypedDict):
    """Everything that a client needs to draw a hall. It is the same for as long as `hallVersion` is."""

    performanceId: str
    hallVersion: str | None
    name: str
    translations: dict[str, dict[str, str]]
    grades: list[GradeName]
    sections: list[LayoutSection]
    seats: list[LayoutSeat]


class Seat(TypedDict):
    """One seat of a performance; in a hall, as it is printed on the chair, and its grade."""

    seatNumber: int
    price: int
    status: Literal["AVAILABLE", "HELD", "SOLD", "CANCELLED"]
    row: NotRequired[str]
    label: NotRequired[str]
    gradeId: NotRequired[str]


class SeatMap(TypedDict):
    """The seats of a section, or all of a small hall, in order, and how many of them are free."""

    performanceId: str
    concertId: str
    seats: list[Seat]
    available: int
    serverTime: str


class LobbyReceipt(TypedDict):
    """Proof of having come to a lobby in time: the entry is in the list of which the order is drawn."""

    entryId: str
    lobbyId: str
    concertId: str
    joinedAt: str
    signature: NotRequired[str]


class QueueNumbers(TypedDict):
    """A place in line without its token. A queue that is `paused` lets nobody in until its operator opens it again.

    In the lobby there is no position; whoever comes in gets a `receipt`, and nothing has to be asked before the draw.
    `message` is what the organiser tells those who wait.
    """

    status: Literal["LOBBY", "WAITING", "ACTIVE"]
    position: int | None
    ahead: int | None
    estimatedWaitSeconds: int | None
    pollAfterSeconds: int
    paused: bool
    saleStatus: Literal["UPCOMING", "ON_SALE", "PAUSED"]
    message: str | None
    expiresAt: str
    activeUntil: str | None
    receipt: NotRequired[LobbyReceipt]


class QueueView(QueueNumbers):
    """A place in line. Send `token` from now on, and poll again in `pollAfterSeconds`."""

    token: str
    serverTime: str


class PricedSeat(TypedDict):
    """A seat as it is printed on the chair, and what it cost when it was held."""

    seatNumber: int
    row: str
    label: str
    gradeId: str
    price: int


class Reservation(TypedDict):
    """Seats held, or bought, or given up; `together` says whether they are all side by side."""

    reservationId: str
    concertId: str
    performanceId: str
    seatNumbers: list[int]
    seats: list[PricedSeat]
    together: bool
    amount: int
    status: Literal["HELD", "CONFIRMED", "EXPIRED", "RELEASED", "CANCELLED"]
    expiresAt: str
    createdAt: str
    paymentId: NotRequired[str]
    cancelledSeatNumbers: list[int]
    cancelledBy: NotRequired[Literal["FAN", "ORGANISER"]]
    refunded: int
    serverTime: str


class Ticket(TypedDict):
    """What lets one guest through the door. `code` is what its QR code holds: a signed text that names nobody."""

    ticketId: str
    seatNumber: int
    row: NotRequired[str]
    label: NotRequired[str]
    code: str


class TicketList(TypedDict):
    """The tickets of a reservation: one for each seat that is paid for, and the key that its codes are signed with."""

    items: list[Ticket]
    publicKey: str


type Outcome = Literal["ADMITTED", "ALREADY", "REVOKED", "WRONG_DATE", "INVALID"]


class FirstScan(TypedDict):
    """The scan that was the admission: when by the door's own clock, and at which door."""

    at: str
    deviceId: str


class CheckIn(TypedDict):
    """What a scan means. `first` is the admission of this ticket, which may be this very scan."""

    scanId: str
    outcome: Outcome
    ticketId: NotRequired[str]
    seatNumber: NotRequired[int]
    first: NotRequired[FirstScan]


class CheckIns(TypedDict):
    """What each scan means, in the order of the request."""

    results: list[CheckIn]


class Guest(TypedDict):
    """A ticket of a performance; one that is revoked opens no door."""

    ticketId: str
    seatNumber: int
    revoked: bool
    checkedInAt: NotRequired[str]


class PublicKey(TypedDict):
    """A key that signatures of tickets are checked with: Ed25519, in base64url."""

    keyId: str
    publicKey: str


class GuestList(TypedDict):
    """Every ticket of a performance, as of a moment."""

    tickets: list[Guest]
    publicKeys: list[PublicKey]
    asOf: str


class CancellationQuote(TypedDict):
    """What cancelling seats gives; it changes at `validUntil` at the earliest."""

    reservationId: str
    seatNumbers: list[int]
    paid: int
    fee: int
    refund: int
    keepPercent: int
    rule: str
    validUntil: str
    serverTime: str


class Cancellation(TypedDict):
    """Seats that were cancelled. While it is REFUNDING the points are on their way; the seats are free already."""

    cancellationId: str
    reservationId: str
    seatNumbers: list[int]
    fee: int
    refund: int
    status: Literal["REFUNDING", "COMPLETED"]
    balance: NotRequired[int]
    serverTime: str


class Balance(TypedDict):
    """A user's points."""

    balance: int


class PointsChange(TypedDict):
    """What a charge or use did."""

    entryId: str
    amount: int
    balance: int
    at: str


class LedgerEntry(TypedDict):
    """One change of a user's points; `amount` is signed."""

    entryId: str
    type: Literal["CHARGE", "USE", "PAYMENT", "REFUND"]
    amount: int
    balanceAfter: int
    at: str
    paymentId: NotRequired[str]
    concertId: NotRequired[str]
    performanceId: NotRequired[str]
    reason: NotRequired[str]


type StepName = Literal["UsePoints", "ConfirmBooking", "UnlockHold", "RefundPoints"]


class Step(TypedDict):
    """How one step of a payment went: an outcome it reached, a refusal, or a technical failure."""

    name: StepName
    status: Literal["DONE", "REFUSED", "FAILED"]
    at: str


class Failure(TypedDict):
    """Why a payment failed, and whether points that were taken have been given back."""

    code: str
    detail: str
    refunded: bool


class Payment(TypedDict):
    """One attempt to pay for one reservation."""

    paymentId: str
    reservationId: str
    amount: int
    status: Literal["PENDING", "COMPLETED", "UNDOING", "FAILED"]
    createdAt: str
    completedAt: NotRequired[str]
    failure: NotRequired[Failure]
    balance: NotRequired[int]
    refunded: int
    steps: list[Step]
    serverTime: str


class ConcertList(TypedDict):
    """A page of concerts."""

    items: list[Concert]
    nextCursor: str | None


class PerformanceList(TypedDict):
    """A page of performances."""

    items: list[Performance]
    nextCursor: str | None


class ReservationList(TypedDict):
    """A page of reservations."""

    items: list[Reservation]
    nextCursor: str | None


class LedgerList(TypedDict):
    """A page of ledger entries."""

    items: list[LedgerEntry]
    nextCursor: str | None


class SaleQueue(TypedDict):
    """A concert's queue as its organiser sees it. `capacity` is what is set; while it is `paused` nobody is let in."""

    waiting: int
    active: int
    entered: int
    lapsed: int
    enteredPerMinute: int
    capacity: int
    paused: bool
    message: str | None


class QueueSet(SaleQueue):
    """A concert's queue as it is after something of it was set."""

    concertId: str


class LogEntry(TypedDict):
    """What an organiser or operator has changed. `details` has it before and after, by name."""

    entryId: str
    at: str
    userId: str
    name: str | None
    action: Literal[
        "QUEUE_CHANGED", "CATALOG_PUBLISHED", "PERFORMANCE_OFF_SALE", "PERFORMANCE_CALLED_OFF", "RESERVATION_CANCELLED"
    ]
    concertId: NotRequired[str]
    performanceId: NotRequired[str]
    reservationId: NotRequired[str]
    details: dict[str, Any]
    reason: NotRequired[str]


class LogList(TypedDict):
    """A page of the log."""

    items: list[LogEntry]
    nextCursor: str | None


class Booking(TypedDict):
    """A booking of a date as its organiser sees it. `name` is what its owner signs in with, where it was kept;
    `checkedIn` is how many of its guests have come in."""

    reservationId: str
    userId: str
    name: str | None
    seatNumbers: list[int]
    seats: list[PricedSeat]
    amount: int
    status: Literal["HELD", "CONFIRMED", "EXPIRED", "RELEASED", "CANCELLED"]
    confirmedAt: str | None
    cancelledSeatNumbers: list[int]
    refunded: int
    checkedIn: int


class BookingList(TypedDict):
    """A page of bookings. It may be short or empty although there are more."""

    items: list[Booking]
    nextCursor: str | None


class DateSurvey(TypedDict):
    """What calling a date off would give back. `code` stands for these bookings and their sum: it is what confirms."""

    performanceId: str
    reservations: int
    seats: int
    amount: int
    holds: int
    paymentsInFlight: int
    offSale: bool
    calledOff: bool
    code: str
    asOf: str


class CallingOff(TypedDict):
    """How far calling a date off is: bookings that are still to be given back, points that are `left` and `refunded`,
    and `seats` that are closed."""

    performanceId: str
    status: Literal["NONE", "RUNNING", "DONE"]
    startedAt: str | None
    reservations: int
    left: int
    refunded: int
    seats: int
    seatsTotal: int
    asOf: str


type ChangeKind = Literal["CREATED", "CHANGED", "REMOVED"]


class CatalogChange(TypedDict):
    """What publishing changes: a concert, or one of its dates, comes or goes, or a field of it becomes another."""

    kind: ChangeKind
    concertId: str
    performanceId: NotRequired[str]
    field: NotRequired[str]
    before: NotRequired[str]
    after: NotRequired[str]


class CatalogMistake(TypedDict):
    """What is wrong with a catalog file, and where."""

    line: int
    path: str
    message: str


class CatalogResult(TypedDict):
    """What publishing has done, or would do.

    With `repeatAt` nothing has changed yet: dates are off sale until then, and the same request finishes it.
    """

    changes: list[CatalogChange]
    mistakes: list[CatalogMistake]
    applied: bool
    repeatAt: str | None


class GradeSales(GradeName):
    """How many seats of one price are sold, held and left."""

    sold: int
    held: int
    available: int


class DateSales(TypedDict):
    """What was sold of a date. `points` were taken for seats that are sold or were cancelled since, and `refunded` of
    them were given back."""

    performanceId: str
    startsAt: str
    timezone: str
    venue: str
    translations: dict[str, dict[str, str]]
    hallVersion: str | None
    offSale: bool
    calledOff: bool
    sold: int
    held: int
    available: int
    points: int
    refunded: int
    checkedIn: int
    grades: list[GradeSales]


class Attention(TypedDict):
    """Something that has not ended by itself as soon as it mostly does, and how often."""

    kind: Literal["PAYMENTS_UNDONE", "PAYMENTS_LEFT_BEHIND", "REFUNDS_UNFINISHED"]
    count: int


class Sale(TypedDict):
    """A concert as its organiser sees it. The numbers were true at `asOf`."""

    concertId: str
    title: str
    translations: dict[str, dict[str, str]]
    saleStatus: Literal["UPCOMING", "ON_SALE", "PAUSED", "SOLD_OUT", "NO_DATES", "OVER"]
    queue: SaleQueue
    performances: list[DateSales]
    attention: list[Attention]
    asOf: str


class SaleList(TypedDict):
    """A page of sales."""

    items: list[Sale]
    nextCursor: str | None


class WrongField(TypedDict):
    """What is wrong with one member of a request."""

    field: str
    message: str


class TakenSeat(TypedDict):
    """A seat that somebody else has, and until when where it is only held."""

    seatNumber: int
    status: Literal["HELD", "SOLD"]
    heldUntil: NotRequired[str]


class Problem(TypedDict):
    """An RFC 9457 problem. `code` is for programs, `detail` for the person at the screen.

    The members after `retryable` come with some codes only; a payment that
    failed shows itself beside its problem, with its own status in `paymentStatus`.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    errors: NotRequired[list[WrongField]]
    opensAt: NotRequired[str]
    limit: NotRequired[int]
    holdAgainAt: NotRequired[str]
    seats: NotRequired[list[TakenSeat] | int]
    paused: NotRequired[bool]
    saleStatus: NotRequired[Literal["ON_SALE", "PAUSED"]]
    queueStatus: NotRequired[Literal["LOBBY", "WAITING", "ACTIVE"]]
    position: NotRequired[int | None]
    ahead: NotRequired[int | None]
    estimatedWaitSeconds: NotRequired[int | None]
    pollAfterSeconds: NotRequired[int]
    activeUntil: NotRequired[str | None]
    message: NotRequired[str | None]
    expiresAt: NotRequired[str]
    required: NotRequired[int]
    balance: NotRequired[int]
    paymentId: NotRequired[str]
    paymentStatus: NotRequired[Literal["FAILED"]]
    reservationId: NotRequired[str]
    amount: NotRequired[int]
    createdAt: NotRequired[str]
    completedAt: NotRequired[str]
    failure: NotRequired[Failure]
    steps: NotRequired[list[Step]]
    reason: NotRequired[Literal["NOT_PAID", "STARTED", "CANCELLED", "CHECKED_IN", "POLICY"]]
    seatNumbers: NotRequired[list[int]]
    instead: NotRequired[list[int]]
    available: NotRequired[int]
    together: NotRequired[int]
    paid: NotRequired[int]
    fee: NotRequired[int]
    refund: NotRequired[int]
    refunded: NotRequired[int]
    keepPercent: NotRequired[int]
    rule: NotRequired[str]
    validUntil: NotRequired[str]
    serverTime: NotRequired[str]
    performanceId: NotRequired[str]
    reservations: NotRequired[int]
    holds: NotRequired[int]
    paymentsInFlight: NotRequired[int]
    offSale: NotRequired[bool]
    calledOff: NotRequired[bool]
    surveyCode: NotRequired[str]
    changes: NotRequired[list[CatalogChange]]
    mistakes: NotRequired[list[CatalogMistake]]
    asOf: NotRequired[str]


class GatewayMessage(TypedDict):
    """What API Gateway itself answers before any function is asked: to a request without a sign-in that is valid."""

    message: str


class DrawBeacon(TypedDict):
    """The round of drand's network that a draw is seeded by; null until it is named, and until it is out."""

    chain: str
    round: int | None
    roundAt: str | None
    signature: str | None
    randomness: str | None


class FirstCalls(TypedDict):
    """When whoever has a number calls first: max(0, number - front) / perSecond seconds after the draw, with jitter."""

    front: int
    perSecond: int
    windowSeconds: int


class DrawFacts(TypedDict):
    """How far a lobby is, and what its draw can be checked with. Addresses are relative to that of this answer.

    `entriesUrl/00` to `entriesUrl/ff` are the list of entries in parts, `piecesUrl/000` to `piecesUrl/fff` the result;
    what has nothing in it is not there. `secret` is revealed together with the root, when the round is named. `drawsAt`
    is when the order will be there, `drawnAt` when it was: first calls are counted from then.
    """

    concertId: str
    status: Literal["UPCOMING", "OPEN", "CLOSED", "DRAWN"]
    lobbyId: str
    lobbyOpensAt: str
    closesAt: str
    drawsAt: str
    drawnAt: str | None
    pollAfterSeconds: int
    commitment: str | None
    beacon: DrawBeacon | None
    entries: int | None
    entriesRoot: str | None
    secret: str | None
    seed: str | None
    entriesUrl: str | None
    piecesUrl: str | None
    firstCalls: FirstCalls
    publicKeys: list[PublicKey]


class Draw(DrawFacts):
    """The same, with the server's time."""

    serverTime: str
