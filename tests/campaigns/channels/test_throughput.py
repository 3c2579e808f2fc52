"""Many messages a second, and none lost or sent twice."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.channels.http_provider import HttpProvider
from campaigns.channels.posting import Poster
from campaigns.channels.webhook import WebhookChannel
from tests.campaigns.channels.makers import clock, frames, message

# In a process of its own: the sender has its own interpreter to itself. It prints its port, then every key.
RECEIVER = """
import asyncio
import re
import sys

class Receiver(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while b"\\r\\n\\r\\n" in self.buffer:
            head, _, rest = self.buffer.partition(b"\\r\\n\\r\\n")
            length = int(re.search(rb"content-length: (\\d+)", head.lower())[1])
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            key = re.search(rb"(?:idempotency-key|webhook-id): (\\S+)", head.lower())[1]
            sys.stdout.write(key.decode() + "\\n")
            self.transport.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}")

async def main():
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""
MESSAGES = 1_000
# The aim is 500; a machine that runs other tests beside this one gets half of it.
LEAST_A_SECOND = 250


@pytest.fixture
def receiver() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", RECEIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.communicate()


@pytest.mark.parametrize("kind", ["webhook", "sms"])
def test_hundreds_a_second_reach_a_local_receiver_once_each(
    tmp_path: Path,
    receiver: "subprocess.Popen[str]",
    kind: str,
) -> None:
    assert receiver.stdout
    poster = Poster(f"http://127.0.0.1:{int(receiver.stdout.readline())}/", {}, clock=clock)
    if kind == "webhook":
        channel: WebhookChannel | HttpProvider = WebhookChannel(poster, [b"s" * 32], clock=clock)
    else:
        channel = HttpProvider("sms", poster, frames(tmp_path))
    messages = [message(n, channel=kind, address="+1", idempotency_key=f"key-{n}") for n in range(MESSAGES)]
    began = time.perf_counter()
    outcomes = channel.send(messages)
    seconds = time.perf_counter() - began
    channel.close()
    assert Counter(outcome.kind for outcome in outcomes) == {"accepted": MESSAGES}
    said, _ = receiver.communicate()
    keys = [one.message_id if kind == "webhook" else one.idempotency_key for one in messages]
    assert Counter(said.split()) == Counter(keys)
    assert seconds < MESSAGES / LEAST_A_SECOND, f"{MESSAGES / seconds:.0f} a second"
