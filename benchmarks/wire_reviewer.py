"""A reviewer without a browser: speaks what the review page's browser says to the server, and decides.

Twenty Chromium windows on the machine that serves would measure Chromium; real people bring their own.
"""

import json
import time
import uuid
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

COMPONENT = "clip_review"


class WireReviewer:
    """One signed-in session on the review page."""

    def __init__(self, address: str, cookie: str) -> None:
        self._socket = connect(
            address.replace("http", "ws", 1) + "/_stcore/stream",
            origin=address,
            subprotocols=["streamlit"],
            additional_headers={"Cookie": cookie},
            max_size=None,
        )
        self._pending: dict[str, dict[str, Any]] = {}
        self._component = self._fragment = self._page = ""
        self._attempt = 0
        message = BackMsg()
        message.rerun_script.page_name = "review"
        self._socket.send(message.SerializeToString())
        self.items = self._read(lambda data: True)["items"]

    def decide(self, kind: str = "novel") -> float:
        """Give a verdict on the first clip; seconds until the database had it and the page knew."""
        item = self.items[0]
        event = {
            "uuid": str(uuid.uuid4()), "kind": kind, "clip_id": item["clip_id"], "class_id": None,
            "predicted_class_id": item["predicted_class_id"], "round_id": item["round_id"], "note": None,
            "blind": bool(item.get("blind")), "seconds": 2.0,
        }  # fmt: skip
        self._pending[event["uuid"]] = event
        self._attempt += 1
        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash, state.fragment_id = self._page, self._fragment
        widget = state.widget_states.widgets.add()
        widget.id = self._component
        widget.json_value = json.dumps(
            {"log": {"attempt": self._attempt, "events": list(self._pending.values())}}
        )
        began = time.perf_counter()
        self._socket.send(message.SerializeToString())
        data = self._read(lambda data: event["uuid"] in data["acknowledged"])
        for known in data["acknowledged"]:
            self._pending.pop(known, None)
        self.items = data["items"]
        return time.perf_counter() - began

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _read(self, wanted: Any, seconds: float = 60.0) -> dict[str, Any]:
        """The review component's data, as soon as it is what is `wanted`.

        Raises:
            TimeoutError: it did not come.
        """
        deadline = time.monotonic() + seconds
        while True:
            message = ForwardMsg()
            message.ParseFromString(self._socket.recv(max(0.0, deadline - time.monotonic())))
            if message.HasField("new_session"):
                self._page = message.new_session.page_script_hash
            component = message.delta.new_element.bidi_component
            if COMPONENT not in component.component_name:
                continue
            self._component, self._fragment = component.id, message.delta.fragment_id
            data = json.loads(component.json)
            if wanted(data):
                return data
