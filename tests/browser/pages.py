"""What a test sees of the studio's pages: readable handles instead of selectors."""

from playwright.sync_api import Page, expect

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class ReviewPage:
    """The review screen in one tab."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.screen = page.locator(".review")

    def open(self, wait: bool = True) -> "ReviewPage":
        """Go there; `wait` until a clip is drawn."""
        self.page.goto(f"{self.address}/review")
        if wait:
            self.page.locator(".query-clip[data-painted]").wait_for(timeout=30_000)
        return self

    @property
    def clip(self) -> int:
        """Id of the clip on screen."""
        return int(self.screen.get_attribute("data-clip") or 0)

    @property
    def predicted(self) -> str:
        """The class proposed, as it reads."""
        return self.page.locator(".classes .predicted").inner_text()

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as fast as the browser takes them."""
        for key in keys:
            self.page.keyboard.press(key)

    def expect_clip(self, clip_id: int) -> None:
        """Wait until a certain clip is on screen."""
        expect(self.screen).to_have_attribute("data-clip", str(clip_id))

    def expect_saved(self) -> None:
        """Wait until the dot says that the database has everything."""
        expect(self.screen).to_have_attribute("data-saved", "saved")
        expect(self.page.locator(".status")).to_have_text("✓ saved")
