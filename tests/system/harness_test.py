"""The harness itself: what must fail a test does, and nginx and the ports are there."""
import socket
import sys

from harness import main, until
from harness.ports import Port
from harness.process import Process
from harness.wait import TimedOut

# A program that says it is ready, does one thing, and waits for its end.
PROGRAM = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit({status}))
{before}
print("ready", flush=True)
{after}
signal.pause()
"""


def start(before="", after="", status=0):
    program = PROGRAM.format(before=before, after=after, status=status)
    process = Process("child", [sys.executable, "-c", program])
    process.out.wait("^ready$", 10)
    return process


def complaint(process):
    return "; ".join(process.stop())


def test_good_process(_):
    """a process that ends well on SIGTERM is no complaint"""
    assert start().stop() == []


def test_status(_):
    """a process that ends with another status is a complaint"""
    assert "status 3" in complaint(start(status=3))


def test_death(_):
    """a process that ends before it is stopped is a complaint"""
    process = start(after="os.abort()")
    process._process.wait(10)
    assert "ended by itself" in complaint(process)


def test_sanitizer(_):
    """a sanitizer's report is a complaint, whatever the status"""
    process = start(before='print("==1==ERROR: AddressSanitizer: heap-use-after-free", file=sys.stderr)')
    assert "sanitizer" in complaint(process)


def test_error_line(_):
    """an error-level line is a complaint, unless the test announced it"""
    line = "print('{\"level\":\"error\",\"event\":\"x\"}', file=sys.stderr)"
    assert "did not announce" in complaint(start(before=line))
    announced = start(before=line)
    announced.announce_errors('"event":"x"')
    assert announced.stop() == []


def test_descriptors(_):
    """a descriptor that stays open is a complaint"""
    process = start(before='signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"%d\\n" % os.open("/dev/null", 0)))',
                    after="while True: signal.pause()")
    process.note_descriptors()
    assert process.descriptors_back(set) is None
    process.signal(10)
    process.out.wait(r"^\d+$", 10)
    assert "descriptors more" in process.descriptors_back(set, seconds=0.1)
    assert process.stop() == []


def test_port(_):
    """a reserved port refuses connections until somebody listens on it, and again afterwards"""
    port = Port("127.0.0.1")
    assert not port.is_listening()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(port.pair)
        listener.listen()
        assert port.is_listening()
    assert not port.is_listening()
    port.close()


def test_wait(_):
    """waiting ends in time, and says what for"""
    try:
        until(lambda: False, "the impossible", seconds=0.05)
        raise AssertionError("it did not end")
    except TimedOut as error:
        assert "the impossible" in str(error)


def test_nginx(system):
    """nginx serves a folder, and counts its requests"""
    (system.folder / "root").mkdir()
    (system.folder / "root/a.txt").write_bytes(b"hello")
    nginx = system.nginx(system.folder / "root", ["expires 1h;"])
    answer = nginx.get("/a.txt")
    assert (answer.status, answer.body, answer.field("cache-control")) == (200, b"hello", "max-age=3600")
    assert nginx.get("/none").status == 404
    nginx.announce_errors("open\\(\\) .* failed")
    until(lambda: nginx.requests() == 2, "two lines in nginx's log")
    assert len(nginx.descriptors()) > 3


def test_load(system):
    """perigee-load asks nginx, counts, and sees what is wrong"""
    (system.folder / "root").mkdir()
    (system.folder / "root/a.txt").write_bytes(b"x" * 100_000)
    nginx = system.nginx(system.folder / "root")
    closed = system.load([nginx], "--connections", "8", "--requests", "400", "--pipeline", "4", "/a.txt").result()
    assert (closed["exit"], closed["complete"], closed["bytes"]) == (0, 400, 40_000_000), closed
    herd = system.load([nginx], "--herd", "50", "--per-client", "/a.txt").result()
    assert (herd["complete"], len(herd["clients"])) == (50, 50), herd
    assert all(client["first_body_ns"] >= client["sent_ns"] > 0 for client in herd["clients"])
    leavers = system.load([nginx], "--herd", "4", "--leave", "1", "--leave-after", "1000", "/a.txt").result()
    assert (leavers["left"], leavers["complete"], leavers["exit"]) == (1, 3, 0), leavers
    slow = system.load([nginx], "--herd", "2", "--slow", "1", "--slow-rate", "200000", "--per-client", "/a.txt").result()
    times = {client["client"]: client["done_ns"] - client["sent_ns"] for client in slow["clients"]}
    assert times[0] > 3e8 > times[1], times
    nginx.announce_errors("open\\(\\) .* failed")
    missing = system.load([nginx], "--requests", "2", "/none").result()
    assert (missing["exit"], missing["statuses"]) == (1, {"404": 2}), missing
    unverifiable = system.load([nginx], "--requests", "2", "--verify", "/a.txt").result()
    assert (unverifiable["exit"], unverifiable["unverifiable"]) == (1, 2), unverifiable


def test_load_against_nobody(system):
    """perigee-load says that it was refused"""
    result = system.load([system.port().pair], "--requests", "3", "/a").result()
    assert (result["exit"], result["refused"], result["complete"]) == (1, 3, 0), result


def test_load_and_a_cut(system):
    """perigee-load tells an answer that was cut from one that is complete"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        load = system.load([listener.getsockname()], "--requests", "1", "/a")
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
        connection.close()
        result = load.result()
    assert (result["cut"], result["complete"], result["exit"]) == (1, 0, 0), result


if __name__ == "__main__":
    main(globals())
