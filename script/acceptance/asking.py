"""Many HTTP/1.1 requests from one thread: connections that are kept, one request at a time on each."""
import asyncio


class Asking:
    """A pool of connections for each address. A connection that breaks, breaks its request: nothing is tried again."""

    def __init__(self, host):
        self._host = host
        self._idle = {}

    async def request(self, address, method, path, body=""):
        """(status, fields by lower-case name, body)."""
        idle = self._idle.setdefault(address, [])
        reader, writer = idle.pop() if idle else await asyncio.open_connection(*address)
        content = body.encode()
        length = f"Content-Length: {len(content)}\r\n" if content or method == "POST" else ""
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{length}\r\n".encode() + content)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {}
        for line in head[1:-2]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        answer = await reader.readexactly(int(fields["content-length"]))
        idle.append((reader, writer))
        return int(head[0].split(" ", 2)[1]), fields, answer

    def close(self):
        for idle in self._idle.values():
            for _, writer in idle:
                writer.close()


async def paced(count, rate, one):
    """Runs one(i) for each of count, begun at a rate whether those before have ended or not; how late each began, in seconds."""
    loop = asyncio.get_running_loop()
    late, tasks = [], []
    began = loop.time()
    for i in range(count):
        due = began + i / rate
        now_due = loop.create_future()
        loop.call_at(due, now_due.set_result, None)
        await now_due
        late.append(loop.time() - due)
        tasks.append(asyncio.create_task(one(i)))
    await asyncio.gather(*tasks)
    return late
