"""One browser, and one server with people and jobs, for all tests of the portal of a session.

Fixtures:
    browser: Chromium, of Debian's package, which is installed on first use.
    house: the server. What a test does there, it does with jobs and requests of its own.
    visit: opens the portal in a browser of its own; at the end of the test nothing may have gone wrong in it.
    owner: a visit of the server's own user.
    made: jobs of a test, which end with it.
    demo: a fleet that lives, with its own server.
    here: a visit of that server's own user, in which nothing may go wrong either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser

from allotment.ports.stored_jobs import StoredJob
from tests.live.debian import install
from tests.live.portal.browsing import PROGRAMS, Visit, chromium, program
from tests.live.portal.house import House, started
from tests.live.portal.house import house as running_house
from tests.live.server.conftest import Server
from tools.oidc_provider import missing, up

Visits = Callable[..., Visit]
SLOW: Final = 90_000
"""Milliseconds that a browser waits for a fleet of hundreds of nodes."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    for each in PROGRAMS:
        if program() is None:
            install(each.name, "fonts-dejavu-core")
    if program() is None:
        pytest.skip("no Chromium here, and it cannot be installed: apt-get install chromium-headless-shell")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def house(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("portal")
    if missing():
        with running_house(folder, browser, None) as made:
            yield made
        return
    with up(folder / "provider") as provider, running_house(folder, browser, provider) as made:
        yield made


@pytest.fixture(scope="session")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with started(Server(tmp_path_factory.mktemp("demo")), ("--demo",), browser, None) as made:
        yield made


@contextmanager
def on_the_fleet(demo: House, **context: object) -> Iterator[Visit]:
    """A visit of its own user, in which nothing may have gone wrong."""
    one = demo.visit(**context)
    # Hundreds of nodes live beside the browser.
    one.page.set_default_timeout(SLOW)
    yield one
    wrong = one.wrong()
    one.page.unroute_all(behavior="ignoreErrors")  # what is on its way is nobody's business any more
    one.context.close()
    assert wrong == []


@pytest.fixture
def here(demo: House) -> Iterator[Visit]:
    with on_the_fleet(demo) as one:
        yield one


@pytest.fixture
def people(house: House) -> House:
    """A house at which people can sign in."""
    if lacking := missing():
        pytest.skip(f"nobody can sign in: no {lacking}")
    return house


@pytest.fixture
def visit(house: House) -> Iterator[Visits]:
    visits: list[Visit] = []

    def open_one(who: str = "", **context: object) -> Visit:
        visits.append(house.visit(who, **context))
        return visits[-1]

    yield open_one
    wrong = [each for one in visits for each in one.wrong()]
    for one in visits:
        one.context.close()
    assert wrong == []


@pytest.fixture
def owner(visit: Visits) -> Visit:
    return visit()


@pytest.fixture
def made(house: House) -> Iterator[list[StoredJob]]:
    """Jobs of a test, which end with it."""
    jobs: list[StoredJob] = []
    yield jobs
    for each in jobs:
        if not house.service.find(each.id).state.over:
            house.service.stop(each.id, grace=0)
