"""Pictures of the portal's screens, in both themes and at three widths, into docs/pictures/portal/.

    python -m tools.portal_pictures [--only jobs,request]

A server of its own with the people, jobs and requests of the browser tests is looked at by Chromium. Debian's package
`chromium` is needed. Look at each picture before it is committed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.live.portal.browsing import chromium
from tests.live.portal.house import House, house
from tests.live.portal.test_truth import by_address

ROOT: Final = Path(__file__).parents[1]
INTO: Final = ROOT / "docs" / "pictures" / "portal"
WIDTHS: Final = {1440: 900, 1024: 768, 390: 844}
"""A laptop, a tablet, a telephone: widths with their heights."""
THEMES: Final = ("light", "dark")


def named(path: str) -> str:
    """What the picture of a screen is called."""
    first, _, rest = path.strip("/").partition("/")
    return {"": "home", "jobs": "job" if rest else "jobs", "requests": "request" if rest else "requests"}.get(
        first, first
    )


def take(made: House, only: set[str]) -> list[Path]:
    """All of them; where they lie."""
    INTO.mkdir(parents=True, exist_ok=True)
    taken = []
    for theme in THEMES:
        for width, height in WIDTHS.items():
            one = made.visit(viewport={"width": width, "height": height}, color_scheme=theme)
            for path in by_address(made):
                name = named(path)
                if only and name not in only:
                    continue
                one.shown("/jobs/loud" if name == "job" else path)
                if name == "submit":
                    one.page.get_by_label("Command").fill("python train.py --epochs 10")
                    one.page.get_by_label("Team").select_option("nlp")
                # What is asked for while one types comes after a moment.
                one.page.wait_for_timeout(1500)
                one.settle()
                taken.append(INTO / f"{name}-{width}-{theme}.png")
                one.page.screenshot(path=taken[-1])
            if one.wrong():
                raise SystemExit(f"something is wrong in a screen: {one.wrong()}")
            one.context.close()
    return taken


def main() -> int:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of screens, with commas between them")
    only = {each for each in parser.parse_args().only.split(",") if each}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, house(Path(folder), browser, None) as made:
        for each in take(made, only):
            sys.stdout.write(f"{each.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
