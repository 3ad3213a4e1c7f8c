"""Draw docs/pictures/overview.svg: what goes in, what Allotment makes of it, and who gets what.

Run `python tools/picture.py`. A script rather than a drawing, so that the picture changes with a diff that can be read.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 1080, 470
INK, SOFT, PAPER = "#1f2933", "#52606d", "#ffffff"
BLUE, GREEN, AMBER, GREY = "#dbeafe", "#dcfce7", "#fef3c7", "#f1f5f9"
ARROW_TIP = "viewBox='0 0 10 10' refX='9' refY='5' markerWidth='8' markerHeight='8' orient='auto'"
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"


def box(x: int, y: int, w: int, h: int, fill: str, title: str, lines: list[str]) -> str:
    """A titled box with lines of text."""
    text = [
        f"<rect x='{x}' y='{y}' width='{w}' height='{h}' rx='10' fill='{fill}' stroke='#94a3b8'/>",
        f"<text x='{x + 16}' y='{y + 28}' {FONT} font-size='16' font-weight='bold' fill='{INK}'>{escape(title)}</text>",
    ]
    text += [
        f"<text x='{x + 16}' y='{y + 52 + 20 * row}' {FONT} font-size='13' fill='{SOFT}'>{escape(line)}</text>"
        for row, line in enumerate(lines)
    ]
    return "\n".join(text)


def arrow(x1: int, y1: int, x2: int, y2: int, label: str) -> str:
    """An arrow with a word on it."""
    middle = (x1 + x2) // 2
    return (
        f"<line x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}' stroke='{INK}' stroke-width='2' marker-end='url(#tip)'/>"
        f"<text x='{middle}' y='{(y1 + y2) // 2 - 9}' text-anchor='middle' {FONT} font-size='12' "
        f"fill='{INK}'>{escape(label)}</text>"
    )


def picture() -> str:
    """The whole drawing."""
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}'>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='{PAPER}'/>",
        f"<defs><marker id='tip' {ARROW_TIP}><path d='M0 0L10 5L0 10z' fill='{INK}'/></marker></defs>",
        box(
            24,
            90,
            236,
            246,
            BLUE,
            "Platform directory",
            [
                "teams, groups, quotas",
                "clusters, node pools",
                "accelerators, prices",
                "queues, cohorts, weights",
                "priority ladder",
                "policies: audit, warn, enforce",
                "service levels",
                "shared services",
                "one YAML tree in Git",
            ],
        ),
        box(
            400,
            24,
            260,
            156,
            GREEN,
            "Guarded namespaces",
            [
                "roles for the groups of the IdP",
                "quotas, limits, default-deny network",
                "Pod Security, admission policies",
                "storage, registry access",
                "no further controller needed",
            ],
        ),
        box(
            400,
            246,
            260,
            136,
            GREEN,
            "Kueue queues",
            [
                "a guarantee for each team",
                "idle quota is lent, and reclaimed",
                "fair share by weight",
                "preemption by the ladder",
            ],
        ),
        box(
            800,
            24,
            256,
            96,
            GREY,
            "prod-inference-*",
            ["A100, A10G, reserved", "production inference first"],
        ),
        box(
            800, 154, 256, 96, GREY, "training-eastus", ["A100, H100, spot + on-demand", "cv, nlp and recsys share 32"]
        ),
        box(800, 284, 256, 96, GREY, "dev-eastus", ["T4, A10G, spot", "notebooks and trials"]),
        arrow(260, 160, 398, 110, "render"),
        arrow(260, 260, 398, 310, "render"),
        arrow(660, 100, 798, 72, "plan, apply"),
        arrow(660, 150, 798, 195, "or GitOps"),
        arrow(660, 310, 798, 330, "drift, prune"),
        box(
            24,
            400,
            1032,
            48,
            AMBER,
            "allot prove: every guardrail is tried on the live cluster, and the evidence is written down",
            [],
        ),
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    target = Path(__file__).parent.parent / "docs" / "pictures" / "overview.svg"
    target.write_text(picture(), encoding="utf-8")
