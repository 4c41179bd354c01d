"""Read, add one, write back: `python -m tests.faults.counters HOW URL TIMES`, "default" or "ours".

Waits for a line on standard input; prints how many of its additions went through without an error.
"""

import sys
import time

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.engine import Database
from db.models import Job


def add_one(session: Session) -> None:
    """As any page would: look, think, write."""
    job = session.get_one(Job, 1)
    step = job.step
    time.sleep(0.001)
    job.step = step + 1


def count_by_default(url: str, times: int) -> int:
    """With SQLAlchemy's engine as it comes."""
    engine, done = create_engine(url), 0
    for _ in range(times):
        try:
            with Session(engine) as session, session.begin():
                add_one(session)
            done += 1
        except OperationalError:
            pass  # at least this one was told
    return done


def count_with_ours(url: str, times: int) -> int:
    """With a writing session of the studio."""
    database = Database(url)
    for _ in range(times):
        with database.write() as session:
            add_one(session)
    return times


if __name__ == "__main__":
    count = {"default": count_by_default, "ours": count_with_ours}[sys.argv[1]]
    print("ready", flush=True)
    sys.stdin.readline()
    print(count(sys.argv[2], int(sys.argv[3])), flush=True)
