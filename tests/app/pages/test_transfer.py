"""The Transfer page: dataset formats in and out, and snapshots."""

from app.services import datasets, snapshots, users
from app.services.datasets import ImportRequest
from app.signatures import make_cookie
from db.repositories import jobs
from tests.app.pages.test_pages import texts
from tests.app.services.test_dataset_formats import WORDS, diving48
from tests.filled_project import claim


def test_a_dataset_comes_in_in_its_own_format(empty, open_page, tmp_path):
    folder = diving48(tmp_path / "dives")
    test = open_page(empty, "transfer")
    test.selectbox(key="format").select("diving48").run()
    assert "Diving48_vocab.json" in texts(test)
    test.text_input(key="folder").set_value(str(folder)).run()
    test.button(key="check").click().run()
    assert not test.exception
    listed = next(frame.value for frame in test.dataframe if "why it stays out" in frame.value)
    assert len(listed) == 2
    test.button(key="import").click().run()
    assert not test.exception
    assert datasets.clips(empty.studio).clips[0].label_name == WORDS[0]


def test_an_import_that_stopped_goes_on_with_one_press(empty, open_page, tmp_path):
    folder = diving48(tmp_path / "dives")
    number = datasets.start_import(empty.studio, ImportRequest(folder, format="diving48"), empty.owner_id)
    with empty.studio.database.write() as session:
        fence = claim(session, "import")
        jobs.finish(session, fence, state="failed", error="no room on the disk")
    test = open_page(empty, "transfer")
    assert "no room on the disk" in texts(test)
    test.button(key=f"go_on_{number}").click().run()
    assert not test.exception
    assert datasets.imports(empty.studio)[0].state == "queued"


def test_what_a_format_can_not_hold_is_said_before_the_download(filled, open_page):
    test = open_page(filled, "transfer")
    test.selectbox(key="out_format").select("diving48").run()
    assert "not who decided, when, and how sure" in texts(test)
    test.selectbox(key="out_format").select("finegym99").run()
    assert not test.exception
    assert "0 clips fit" in texts(test)


def test_a_snapshot_is_asked_for_watched_and_cancelled(filled, open_page):
    test = open_page(filled, "transfer")
    test.checkbox(key="with_videos").check().run()
    test.button(key="snapshot").click().run()
    assert not test.exception
    card = snapshots.listing(filled.studio)[0]
    assert (card.state, card.videos) == ("queued", True)
    test.button(key="snapshot").click().run()
    assert "being made already" in texts(test)
    test.button(key=f"cancel_snapshot_{card.id}").click().run()
    assert snapshots.listing(filled.studio)[0].state == "cancelled"


def test_reviewers_are_sent_to_an_admin(filled, open_page):
    user, _ = users.create(filled.studio, "rea")
    test = open_page(filled, "transfer", cookie=make_cookie(filled.studio.secret, user.id))
    assert "Only an admin makes" in texts(test)
    assert not [button for button in test.button if button.key == "snapshot"]
