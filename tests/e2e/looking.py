"""What a machine can tell of a page's accessibility, asked of a page that is open in a browser."""

from dataclasses import dataclass
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# WCAG 2.2, levels A and AA, and what axe's authors advise beside it.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, PHONE = (1280, 900), (390, 844)
# 400 % zoom of a 1280 px window, and 200 %: WCAG's measures of reflow and resized text.
ZOOMED = (320, 640)

# Controls that a finger must hit; links within a sentence are as high as their line.
CONTROLS = "button, a.button, summary, select, textarea, input:not([type=hidden]), .nav a, [role=button]"


@dataclass(frozen=True)
class Look:
    """One way to see a page; `rules` limits axe to some, where the others cannot tell otherwise."""

    size: tuple[int, int]
    scheme: str
    rules: tuple[str, ...] = ()


LOOKS = (
    Look(WIDE, "light"),
    Look(WIDE, "dark", ("color-contrast",)),
    Look(PHONE, "light"),
    Look(PHONE, "dark", ("color-contrast",)),
)


def faults(page: Page, name: str) -> list[str]:
    """Return what is wrong with the page in any look, a line each, and leave it wide and light."""
    found = []
    for look in LOOKS:
        page.set_viewport_size({"width": look.size[0], "height": look.size[1]})
        page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found += [f"{name}, {look.scheme}, {look.size[0]} px: {line}" for line in violations(page, look.rules)]
    for width in ZOOMED:
        page.set_viewport_size({"width": width, "height": 600})
        found += [f"{name}: {width} px wide: {line}" for line in sticking_out(page)]
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    page.emulate_media(color_scheme="light")
    return found


def violations(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """Return axe's violations, a line for each element.

    The script is evaluated by the browser's debugger, which the content policy does not bind; the page itself keeps it.
    """
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TAGS}
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    answer: dict[str, Any] = page.evaluate(
        "options => axe.run(document, options)", {"runOnly": only, "resultTypes": ["violations"]}
    )
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:160]} {reason(node)}"
        for violation in answer["violations"]
        for node in violation["nodes"]
    ]


def reason(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:240]


def sticking_out(page: Page) -> list[str]:
    """Return what makes the page scroll sideways, if it does."""
    return list(
        page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= width) return [];
              const wide = [...document.querySelectorAll("body *")].filter((element) => {
                const box = element.getBoundingClientRect();
                return box.width && box.right > width + 0.5 && getComputedStyle(element).position !== "fixed"
                  && !element.parentElement.closest(".table-scroll, .nav, .trail, pre");
              });
              return [`scrolls to ${document.documentElement.scrollWidth}`,
                ...wide.slice(0, 4).map((element) => element.outerHTML.slice(0, 120))];
            }"""
        )
    )


def too_small(page: Page, least: int = 44) -> list[str]:
    """Return the visible controls that a finger may miss: neither they nor their label are high and wide enough."""
    return list(
        page.evaluate(
            """([controls, least]) => [...document.querySelectorAll(controls)].filter((control) => {
              if (!control.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) return false;
              const target = control.closest("label") ?? control;
              const box = target.getBoundingClientRect();
              return box.height && (box.height < least - 0.5 || box.width < least - 0.5 && target === control);
            }).map((control) => {
              const box = (control.closest("label") ?? control).getBoundingClientRect();
              return `${Math.round(box.width)} x ${Math.round(box.height)}: ${control.outerHTML.slice(0, 120)}`;
            })""",
            [CONTROLS, least],
        )
    )


def tab_stops(page: Page, most: int = 90) -> list[dict[str, Any]]:
    """Press Tab until the page has been gone through; return each stop: what it is, whether it is seen, and where."""
    stops: list[dict[str, Any]] = []
    page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => {
              const focused = document.activeElement;
              if (!focused || focused === document.body || focused.dataset.passed) return null;
              focused.dataset.passed = "yes";
              const shown = focused.closest(".segments label") ?? focused;
              const box = shown.getBoundingClientRect();
              const points = [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) =>
                document.elementFromPoint(box.left + box.width * x, box.top + box.height * y)));
              const style = getComputedStyle(shown);
              return {
                html: focused.outerHTML.slice(0, 120),
                outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
                uncovered: points.some((hit) => hit && (shown.contains(hit) || hit.contains(shown))),
              };
            }"""
        )
        if stop is None:
            break
        stops.append(stop)
    return stops
