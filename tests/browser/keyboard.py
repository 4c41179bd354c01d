"""A person without a mouse: where the focus is, and how to get it somewhere."""

import re
from dataclasses import dataclass

from playwright.sync_api import Page

HERE = """() => {
  let here = document.activeElement;
  while (here?.shadowRoot?.activeElement) here = here.shadowRoot.activeElement;
  return here;
}"""
FOCUSED = (
    "() => { const here = ("
    + HERE
    + ")();"
    + """
  if (!here || here === document.body) return null;
  const labels = [...(here.labels ?? [])].map((label) => label.innerText);
  const name = here.getAttribute("aria-label") || labels.join(" ") || here.innerText || here.placeholder;
  const box = here.getBoundingClientRect();
  const style = getComputedStyle(here);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  here.placeInTabs ??= (window.tabsCounted = (window.tabsCounted ?? 0) + 1);
  return {
    tag: here.tagName.toLowerCase(),
    name: (name || "").replace(/\\s+/g, " ").trim().slice(0, 80),
    id: here.placeInTabs,
    own: here.getRootNode() !== document && here.closest(".fps") !== null,
    visible: outlined || style.boxShadow !== "none",
    reached: box.bottom > 0 && box.top < innerHeight && box.left > -2 && box.right < innerWidth + 2,
  };
}"""
)


@dataclass(frozen=True)
class Focus:
    """What has the focus: its name, whether it is a component's, and whether one sees that it has it."""

    tag: str
    name: str
    id: int
    own: bool
    visible: bool
    reached: bool


def focus(page: Page) -> Focus | None:
    """The focused element, inside components too; None where nothing has the focus."""
    found = page.evaluate(FOCUSED)
    return Focus(**found) if found else None


def tab_to(page: Page, name: str, key: str = "Tab", most: int = 150) -> Focus:
    """Press Tab until a control whose name matches has the focus."""
    passed = []
    for _ in range(most):
        here = focus(page)
        if here and here.tag != "main" and re.search(name, here.name):
            assert here.visible or not here.own, f"one can't see that {here.name!r} has the focus"
            return here
        passed.append(here.name if here else None)
        page.keyboard.press(key)
    raise AssertionError(f"{name!r} can't be reached with {key}; the way led over {passed}")


def walk(page: Page, most: int = 250) -> list[Focus]:
    """Tab once round the page; every control that had the focus, in this order.

    Tables take a Tab for each column.

    Raises:
        AssertionError: the focus is caught somewhere, or one can't see where it is.
    """
    met: list[Focus] = []
    stays = 0
    for _ in range(most):
        page.keyboard.press("Tab")
        here = focus(page)
        if here is None or (met and here.id == met[0].id):
            break
        stays = stays + 1 if met and here.id == met[-1].id else 0
        assert stays < 40, f"the focus is caught at {here}, after {[one.name for one in met]}"
        if not stays:
            met.append(here)
    else:
        raise AssertionError(f"{most} times Tab, and no end: {[one.name for one in met][-20:]}")
    unseen = [one for one in met if one.own and not (one.visible and one.reached)]
    assert not unseen, f"one can't see that these have the focus: {unseen}"
    return met


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other."""
    for key in keys:
        page.keyboard.press(key)
