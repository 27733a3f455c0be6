"""The ledger of a shared quota: which client's requests may leave when. It owns no clock, socket, thread or task."""

from collections import OrderedDict
from collections.abc import Sequence

from vision_grpc.quota.pace import Pace
from vision_grpc.quota.usage import ClientUsage, LastMinute, Usage

LEAD_S = 0.1
"""So long before its first time a reservation is granted: longer than the answer is on its way to most clients."""

LEASE_S = 0.25
"""A grant has times up to so far ahead. So a high quota needs few answers, and a client that is killed with a grant in
its hands costs the others no more than this time."""

MOST_RESERVATIONS = 10_000
"""The most reservations that wait, and the most clients that are remembered."""

_PRESENT_S = 5.0
_REMEMBERED_S = 600.0


class FullError(Exception):
    """More reservations wait than the ledger holds."""


class Reservation:
    """What a client asks for: up to so many requests of up to so many images each."""

    __slots__ = ("client", "images", "requests", "times")

    def __init__(self, client: str, requests: int, images: int) -> None:
        self.client = client
        self.requests = requests
        self.images = images
        self.times: list[float] = []
        """When the requests may leave; empty until the reservation is granted."""


class Ledger:
    """Grants reservations so that every client gets its share.

    The quota is shared by time: a request takes the part of a second for which it uses the quota up, so large batches
    count for more where images are limited. The client that was served least comes next. One that comes anew, or
    comes back, counts as served as much as one that has been waiting all the time: it gets no more than its share
    for having been away. (Start-time fair queueing, whose virtual time goes on as that of weighted fair queueing: so
    nobody waits for ever while ever new clients come.)
    """

    def __init__(self, requests_per_s: float | None, images_per_s: float | None, now: float) -> None:
        self._pace = Pace(requests_per_s, images_per_s, now)
        self._started_at = now
        # The client that was seen last is at the end.
        self._clients: OrderedDict[str, _Client] = OrderedDict()
        self._waiting: dict[str, _Client] = {}
        self._reservations = 0
        # How much a client has been served that was waiting all the time.
        self._served_s = 0.0
        self._forgotten_requests = 0
        self._forgotten_images = 0

    def reserve(self, client: str, requests: int, images: int, now: float) -> Reservation:
        """Return a reservation, which waits to be granted; its requests have fewer images where the quota is less.

        Raises:
            FullError: too many reservations wait already.
        """
        if self._pace.most_images is not None:
            images = min(images, self._pace.most_images)
        if self._reservations == MOST_RESERVATIONS:
            message = f"{MOST_RESERVATIONS} reservations wait already"
            raise FullError(message)
        record = self._see(client, now)
        if not record.waiting:
            # While a grant was on its way to the client, others may have got ahead of it by one request.
            record.served_s = max(record.served_s, self._served_s - self._pace.most_cost_s)
        reservation = Reservation(client, requests, images)
        record.waiting[reservation] = None
        self._waiting[client] = record
        self._reservations += 1
        return reservation

    def cancel(self, reservation: Reservation) -> None:
        """Drop a reservation: its client has gone away, or is to ask again. One that is granted already stays so."""
        record = self._waiting.get(reservation.client)
        if record is not None and reservation in record.waiting:
            del record.waiting[reservation]
            self._reservations -= 1
            if not record.waiting:
                del self._waiting[reservation.client]

    def grant(self, now: float) -> Sequence[Reservation]:
        """Return the reservations that are granted now. They wait no longer, even with fewer times than asked for."""
        if (due_at := self.next_grant_at(now)) is None or due_at > now:
            return ()
        granted: dict[Reservation, None] = {}
        present = self._present(now)
        # A client that got all it asked for will be back, and nobody is to be ahead of it then.
        most_served_s = float("inf")
        while self._waiting:
            record = self._least_served()
            reservation = record.first
            leaves_at = self._pace.ready_at(reservation.images, now)
            if leaves_at > now + LEASE_S or record.served_s > most_served_s:
                break
            self._take(record, reservation, leaves_at, now, present)
            granted[reservation] = None
            if len(reservation.times) == reservation.requests:
                self.cancel(reservation)
                most_served_s = min(most_served_s, record.served_s)
        for reservation in granted:
            self.cancel(reservation)
        return list(granted)

    def settle(self, now: float) -> None:
        """Grant nothing for a moment: clients that have missed the service for a while are to come back first."""
        self._pace.settle(now)

    def next_grant_at(self, now: float) -> float | None:
        """Return when `grant` has something to grant, as things are; None if nobody waits."""
        if not self._waiting:
            return None
        leaves_at = self._pace.ready_at(self._least_served().first.images, now)
        return max(now, leaves_at - LEAD_S)

    def share(self, now: float) -> tuple[float | None, float | None]:
        """Return how many requests and images a second each client may have of those that are here now.

        None stands for a number that is not limited.
        """
        present = max(1, self._present(now))
        quotas = (self._pace.requests_per_s, self._pace.images_per_s)
        requests_per_s, images_per_s = (None if quota is None else quota / present for quota in quotas)
        return requests_per_s, images_per_s

    def usage(self, now: float) -> Usage:
        """Return who takes what."""
        up_s = now - self._started_at
        clients = [each.usage(now, up_s) for each in self._clients.values()]
        clients.sort(key=lambda each: (-each.requests_per_s, -each.requests, each.client))
        return Usage(
            requests_per_s=self._pace.requests_per_s,
            images_per_s=self._pace.images_per_s,
            up_s=up_s,
            clients=clients,
            other_requests=self._forgotten_requests,
            other_images=self._forgotten_images,
        )

    def _take(self, record: "_Client", reservation: Reservation, leaves_at: float, now: float, present: int) -> None:
        cost_s = self._pace.cost_s(reservation.images)
        self._served_s = max(self._served_s + cost_s / present, record.served_s)
        record.served_s += cost_s
        record.count(reservation.images, now)
        self._pace.charge(reservation.images, leaves_at)
        reservation.times.append(leaves_at)

    def _present(self, now: float) -> int:
        """Return how many clients are here: those that wait, and those that will ask again soon."""
        present = len(self._waiting)
        for each in reversed(self._clients.values()):
            if each.seen_at < now - _PRESENT_S:
                break
            present += not each.waiting
        return present

    def _least_served(self) -> "_Client":
        return min(self._waiting.values(), key=lambda each: each.served_s)

    def _see(self, client: str, now: float) -> "_Client":
        """Return the record of a client that is here now."""
        record = self._clients.get(client)
        if record is None:
            self._forget(now)
            record = self._clients[client] = _Client(client, self._served_s)
        record.seen_at = now
        self._clients.move_to_end(client)
        return record

    def _forget(self, now: float) -> None:
        """Forget clients that have not come for long, and make room for one more."""
        while self._clients:
            name, longest_away = next(iter(self._clients.items()))
            is_full = len(self._clients) == MOST_RESERVATIONS
            if not is_full and longest_away.seen_at > now - _REMEMBERED_S:
                return
            if longest_away.waiting:
                longest_away.seen_at = now
                self._clients.move_to_end(name)
                continue
            del self._clients[name]
            self._forgotten_requests += longest_away.requests
            self._forgotten_images += longest_away.images


class _Client:
    """What the ledger knows about a client."""

    def __init__(self, name: str, served_s: float) -> None:
        self._name = name
        self.waiting: dict[Reservation, None] = {}
        self.served_s = served_s
        """How many seconds of the whole quota its requests have taken, and what it counts as served besides."""
        self.seen_at = float("-inf")
        self.requests = 0
        self.images = 0
        self._last_minute = LastMinute()

    @property
    def first(self) -> Reservation:
        """The reservation that has waited longest; there is one."""
        return next(iter(self.waiting))

    def count(self, images: int, now: float) -> None:
        """Count a request that was permitted."""
        self.requests += 1
        self.images += images
        self._last_minute.add(images, now)

    def usage(self, now: float, up_s: float) -> ClientUsage:
        """Return what the client takes."""
        requests_per_s, images_per_s = self._last_minute.per_s(now, up_s)
        return ClientUsage(
            client=self._name,
            requests=self.requests,
            images=self.images,
            requests_per_s=requests_per_s,
            images_per_s=images_per_s,
            waiting=sum(each.requests for each in self.waiting),
        )
