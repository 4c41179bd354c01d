"""Classes keep the order in which they came."""

from db.repositories import classes


def test_new_classes_go_to_the_end_and_known_ones_keep_their_id(database):
    with database.write() as session:
        first = classes.ensure(session, names=["jump", "dive", "jump"])
        again = classes.ensure(session, names=["fall", "dive"])
    assert list(first) == ["jump", "dive"]
    assert again == {**first, "fall": again["fall"]}
    with database.read() as session:
        assert list(classes.names(session).values()) == ["jump", "dive", "fall"]
        assert [row.position for row in classes.listing(session)] == [0, 1, 2]


def test_names_are_taken_as_they_are(database):
    names = ["forward 1½", "Dive", "dive", "<b>", "=1+1", "跳水"]
    with database.write() as session:
        classes.ensure(session, names=names)
    with database.read() as session:
        assert list(classes.names(session).values()) == names
