"""Takes the README's picture: ``python tests/end_to_end/picture.py FILE.png``."""

import sys
import tempfile
from pathlib import Path

from chain import chain
from conftest import QUIET
from parts import program
from playwright.sync_api import expect, sync_playwright


def main(file: str) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        chain(Path(folder)) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=list(QUIET))
        page = browser.new_page(viewport={"width": 1280, "height": 760})
        page.goto(f"{running.kiosk}/machine")
        page.click("button[data-item='0003']")
        screen = page.frame_locator("iframe")
        expect(screen.locator("#title")).to_have_text("Ваш чек")
        page.locator("h2").click()
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
