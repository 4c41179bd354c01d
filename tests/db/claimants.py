"""`python -m tests.db.claimants URL OWNER` claims jobs until none is left, and prints the id of each."""

import sys
import time

from db.engine import Database
from db.repositories import jobs


def work(url: str, owner: str) -> None:
    """Claim and finish jobs as fast as they come."""
    database = Database(url)
    while True:
        with database.write() as session:
            job = jobs.claim(session, owner=owner, kinds=["import", "round"], lease_seconds=60)
        if job is None:
            return
        print(job.id, flush=True)
        time.sleep(0.005)  # let the others have a turn
        with database.write() as session:
            jobs.finish(session, jobs.Fence(job.id, job.attempt, owner), state="succeeded")


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    work(sys.argv[1], sys.argv[2])
