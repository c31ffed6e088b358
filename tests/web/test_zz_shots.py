"""dev: screenshots through pytest fixtures"""
import sys
from tests.web.conftest import *  # noqa
import pytest
PAGES = [p.split(":") for p in os.environ["SHOTS"].split()]
def test_shots(sign_in, stage):
    for who, url in PAGES:
        url = url.format(**stage.subjects, s=stage)
        for width, colours in (("desk","light"),("desk","dark"),("phone","light")):
            page = sign_in(who, width, colours).new_page()
            msgs=[]
            page.on("console", lambda m: msgs.append(m.text))
            page.on("pageerror", lambda m: msgs.append(str(m)))
            r = page.goto(url)
            page.wait_for_timeout(400)
            n = url.strip("/").replace("/","_").split("?")[0] or "owed"
            page.screenshot(path=f"/tmp/shell/{who}-{n}-{width}-{colours}.png", full_page=True)
            print(who, url, width, colours, r.status, page.evaluate("document.documentElement.scrollWidth"), msgs)
            page.context.close()
