"""Who is connected to whom, from /proc/net/tcp and tcp6."""

# How the kernel prints the beginning of an IPv4 address that a socket of IPv6 has.
MAPPED = "0000000000000000FFFF0000"


def connections():
    """inode -> (local, remote) of every TCP socket that has a peer, addresses as the kernel prints them, IPv4 wherever it is."""
    found = {}
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}", encoding="ascii") as file:
            next(file)
            for line in file:
                fields = line.split()
                if fields[3] != "0A":
                    found[int(fields[9])] = (fields[1].removeprefix(MAPPED), fields[2].removeprefix(MAPPED))
    return found


def internal_inodes(processes):
    """Inodes of sockets whose both ends are held by the given processes."""
    held = set().union(*(process.socket_inodes() for process in processes)) if processes else set()
    pairs = {inode: ends for inode, ends in connections().items() if inode in held}
    ends = set(pairs.values())
    return {inode for inode, (local, remote) in pairs.items() if (remote, local) in ends}
