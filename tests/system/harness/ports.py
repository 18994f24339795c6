"""Ports for processes that must know each other's addresses before any of them runs.

A static topology names the ports of all nodes, so port 0 in it will not do. A Port is bound with port 0 on an address of
its own, and its socket stays open, bound but never listening, for the length of the test. No other process can be given the
number by the kernel while that lasts. The process it is meant for binds the same address with SO_REUSEPORT, as every
listener of perigee and nginx's "reuseport" do; that is permitted to the same user. A socket that does not listen gets no
connections, so between a kill and a restart a connect to the port is refused, as it should be.
"""
import socket


class Port:
    def __init__(self, host, number=0):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((host, number))
        self.host, self.number = self._socket.getsockname()

    def __str__(self):
        return f"{self.host}:{self.number}"

    @property
    def pair(self):
        return self.host, self.number

    def is_listening(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            return probe.connect_ex(self.pair) == 0

    def close(self):
        self._socket.close()
