"""The processes of one round, under torchrun: `python -m app.worker.ranks NUMBER PROJECT JOB ATTEMPT OWNER`.

To the loop this is a child like any other: SIGTERM stops the round at its next step, the exit code is the one
that the loop understands, and whoever kills this process ends all the others.
"""

import os
import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from app.worker.child import DIED, DONE, LAUNCHER, STOPPED


def main() -> int:
    """Start the processes, each doing `app.worker.child`, and wait for them."""
    number, *job = sys.argv[1:]
    os.environ[LAUNCHER] = str(os.getpid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // int(number))))
    command = ["--standalone", f"--nproc-per-node={number}", "-m", "app.worker.child", *job]
    try:
        run.run(run.parse_args(command))
    except ChildFailedError as error:
        return max(DIED, error.get_first_failure()[1].exitcode)  # below 0 where a signal ended it
    except SignalException:
        return STOPPED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
