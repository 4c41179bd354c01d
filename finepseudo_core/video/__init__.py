"""Video files in, frames out. Free of torch."""

import av  # noqa: F401 - before decord: loaded after it, PyAV's libvpx finds decord's own and refuses to work
