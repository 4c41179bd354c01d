"""The tour on Today."""

from tests.app.pages.test_pages import texts


def test_the_tour_is_shown_until_it_is_put_away_and_comes_back_on_request(filled, open_page):
    test = open_page(filled)
    assert "Proposals wait" in texts(test)
    assert texts(test).count("fps-step here") == 1
    test.button(key="tour_away").click().run()
    assert "Proposals wait" not in texts(open_page(filled))
    test.button(key="tour_again").click().run()
    assert "Proposals wait" in texts(open_page(filled))


def test_an_empty_project_is_toured_from_its_import(empty, open_page):
    test = open_page(empty)
    assert "Bring clips in" in texts(test)
    assert test.button(key="next").label == "Import clips"
