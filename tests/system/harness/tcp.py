"""Who is connected to whom, from /proc/net/tcp."""


def connections():
    """inode -> (local, remote) of every TCP socket that has a peer, addresses as the kernel prints them."""
    found = {}
    with open("/proc/net/tcp", encoding="ascii") as file:
        next(file)
        for line in file:
            fields = line.split()
            if fields[3] != "0A":
                found[int(fields[9])] = (fields[1], fields[2])
    return found


def internal_inodes(processes):
    """Inodes of sockets whose both ends are held by the given processes."""
    held = set().union(*(process.socket_inodes() for process in processes)) if processes else set()
    pairs = {inode: ends for inode, ends in connections().items() if inode in held}
    ends = set(pairs.values())
    return {inode for inode, (local, remote) in pairs.items() if (remote, local) in ends}
