"""A cluster's hosts on one machine, with their own network, processes and sshd, so that clusters are tested for real.

Each host is a set of Linux namespaces. The hosts, and an operator who reaches them by ssh alone, hang on a bridge that
leads nowhere else: a lab cannot reach the internet, nor be reached from it. It needs root.
"""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).parents[2]
NETWORK = "10.77.0"
GATEWAY = f"{NETWORK}.1"
TOOLS = "ip nft nsenter rsync setpriv ssh ssh-keygen sshd unshare".split()
PATH = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR".split()

# The first process of a machine. Its home outlives it, as a disk does; /tmp, /run, /dev/shm and the firewall do not.
# Nothing of this machine's /tmp and /root is in it but what the tests need: the lab, the checkout and the interpreter.
BOOT = """
set -e
disk=$1 needed=$2; shift 2
hostname "${disk##*/}"
ip link set lo up
mkdir -p "$disk/root" "$disk/tmp"
mount -t tmpfs tmpfs "$disk/tmp"
for path in $needed; do
    case $path in /tmp/* | /root/*) mkdir -p "$disk$path"; mount --bind "$path" "$disk$path" ;; esac
done
mount --rbind "$disk/root" /root
mount --rbind "$disk/tmp" /tmp
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir /run/sshd
"$@" &
echo up
wait
"""
NEEDED = f"{CHECKOUT} {sys.prefix} {sys.base_prefix}"


class Machine:
    """While it is up: namespaces and all that runs in them, `daemon` and what that starts."""

    def __init__(self, name: str, address: str, folder: Path, daemon: list[str]) -> None:
        self.name = name
        self.address = address
        self._command = [
            *("setpriv", "--pdeathsig", "KILL"),  # whatever ends the tests ends the machine
            *"unshare --net --mount --propagation private --pid --uts --ipc --fork --mount-proc --kill-child".split(),
            *("bash", "-c", BOOT, "boot", str(folder / name), f"{folder} {NEEDED}", *daemon),
        ]
        self._process: subprocess.Popen[str] | None = None

    @property
    def is_up(self) -> bool:
        return self._process is not None

    def boot(self) -> None:
        """Starts it, unless it is up."""
        if self.is_up:
            return
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, env={"PATH": PATH}, stdout=pipe, stderr=pipe, text=True)
        assert self._process.stdout and self._process.stderr
        if self._process.stdout.readline() != "up\n":
            raise RuntimeError(f"{self.name} does not boot: {self._process.stderr.read().strip()}")

    def kill(self) -> None:
        """Ends all that runs on it at once, as a power cut does."""
        if self._process is not None:
            for number in self._children() or [self._process.pid]:
                os.kill(number, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def run(
        self, command: list[str], timeout: float = 60, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on it as root, in the checkout and with no more environment than `env` and the tools' PATH.

        A command that takes longer than `timeout` seconds is ended, with the exit status 124."""
        into = ["nsenter", f"--target={self.first_process}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        limited = ["env", f"--chdir={CHECKOUT}", "timeout", "--kill-after=5", str(timeout), *command]
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"} | dict(env or {})
        return subprocess.run(
            [*into, *limited], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def ip(self, *arguments: str) -> None:
        """Changes its network; a process id among the arguments is one of this machine's, not of the lab's."""
        _do("nsenter", f"--target={self.first_process}", "--net", "ip", *arguments)

    @property
    def first_process(self) -> int:
        """What the machine is to the machine that it runs on."""
        [number] = self._children()
        return number

    def _children(self) -> list[int]:
        assert self._process is not None, f"{self.name} is down"
        number = self._process.pid
        return [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]


class Host(Machine):
    """A machine with sshd and a cable to the operator's bridge."""

    def __init__(self, number: int, folder: Path, operator: Machine) -> None:
        options = f"-o AuthorizedKeysFile={folder}/key.pub -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no"
        many = "-o PidFile=none -o MaxStartups=50 -o MaxSessions=50"
        sshd = f"{shutil.which('sshd', path=PATH)} -D -f none -h {folder}/host_key {options} {many}"
        super().__init__(f"host{number}", f"{NETWORK}.{10 + number}", folder, sshd.split())
        self._operator = operator
        self._cable = f"cable{number}"
        self._card = f"02:00:00:00:00:{10 + number:02x}"

    def boot(self) -> None:
        """Starts it, unless it is up. Ray takes the address that it would go out with for the host's own."""
        if not self.is_up:
            super().boot()
            far_end = ("name", self._cable, "netns", str(self._operator.first_process))
            self.ip("link", "add", "eth0", "address", self._card, "type", "veth", "peer", *far_end)
            self._operator.ip("link", "set", self._cable, "master", "bridge", "up")
            self.ip("address", "add", f"{self.address}/24", "dev", "eth0")
            self.ip("link", "set", "eth0", "up")
            self.ip("route", "add", "default", "via", GATEWAY)

    def kill(self) -> None:
        """Ends it at once, as a power cut does."""
        if self.is_up:
            # The kernel ends a machine with the thread that booted it, and takes its cable away in its own time.
            with suppress(RuntimeError):
                self._operator.ip("link", "delete", self._cable)
            super().kill()

    def cut_off(self) -> None:
        """Nothing reaches it any more, and it reaches nothing; what runs on it goes on."""
        self._operator.ip("link", "set", self._cable, "down")

    def come_back(self) -> None:
        """After `cut_off` or `kill`: it can be reached again, and is booted if it was down, with its home as it was."""
        self.boot()
        self._operator.ip("link", "set", self._cable, "up")


class Lab:
    """An operator and hosts. `shared` is a folder that all of them see at the same path, as they would see an NFS."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.shared = folder / "shared"
        self.key = folder / "key"
        self.operator = Machine("operator", GATEWAY, folder, ["sleep", "infinity"])
        self.hosts: list[Host] = []
        self._stack = stack

    def open(self) -> None:
        """Starts the operator, with a bridge for the hosts."""
        self.shared.mkdir()
        for name in ("key", "host_key"):
            _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.folder / name))
        self._start(self.operator)
        self.operator.ip("link", "add", "bridge", "type", "bridge")
        self.operator.ip("address", "add", f"{GATEWAY}/24", "dev", "bridge")
        self.operator.ip("link", "set", "bridge", "up")

    def add_host(self) -> Host:
        """One more; it answers ssh soon (`wait_for`)."""
        host = Host(len(self.hosts), self.folder, self.operator)
        self._start(host)
        self.hosts.append(host)
        return host

    def wait_for(self, host: Host, seconds: float = 20) -> None:
        """Returns once a host answers ssh."""
        end = time.monotonic() + seconds
        while self.ssh(host, "true").returncode:
            if time.monotonic() > end:
                raise RuntimeError(f"{host.name} does not answer ssh")
            time.sleep(0.1)

    def run(
        self, command: list[str], timeout: float = 60, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command at the operator's."""
        return self.operator.run(command, timeout, env)

    def ssh(self, host: Host, command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs a shell command on a host, by ssh from the operator."""
        return self.run([*SSH, "-i", str(self.key), f"root@{host.address}", command], timeout)

    def tunnel(self, host: Host, port: int) -> None:
        """Brings a port of a host's loopback to the same port of the operator's, for as long as the host lives."""
        forward = [*SSH, "-f", "-N", "-L", f"{port}:127.0.0.1:{port}", "-i", str(self.key), f"root@{host.address}"]
        # ssh -f keeps the output that it was given, and we would wait for its end
        assert self.run(["sh", "-c", 'exec "$@" > /dev/null 2>&1', "tunnel", *forward]).returncode == 0

    def open_ports(self, address: str) -> set[int]:
        """The TCP ports, of all there are, that answer the operator at an address."""
        scan = f"from {__name__} import answering; print(*answering({address!r}))"
        return {int(port) for port in self.run([sys.executable, "-c", scan], timeout=200).stdout.split()}

    def _start(self, machine: Machine) -> None:
        self._stack.callback(machine.kill)
        machine.boot()


@contextmanager
def lab(folder: Path, hosts: int = 3) -> Iterator[Lab]:
    """Hosts that answer ssh; at the end no process, namespace or mount is left."""
    with ExitStack() as stack:
        made = Lab(folder.resolve(), stack)
        made.open()
        for _ in range(hosts):
            made.add_host()
        for host in made.hosts:
            made.wait_for(host)
        yield made


@cache
def why_not() -> str:
    """Why this machine can have no lab, found by making a small one; empty where it can."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
    if os.geteuid() != 0 or missing:
        return f"no {', '.join(missing)}" if missing else "not root"
    try:
        with TemporaryDirectory() as folder, lab(Path(folder), hosts=1):
            return ""
    except RuntimeError as error:
        return str(error)


def answering(address: str, at_once: int = 512) -> list[int]:
    """The TCP ports of an address that take a connection. A port that stays silent for a second does not."""
    found: list[int] = []
    for first in range(1, 1 << 16, at_once):
        with ExitStack() as stack:
            probes = {
                port: stack.enter_context(socket.socket()) for port in range(first, min(first + at_once, 1 << 16))
            }
            found += _connected(address, probes)
    return found


def _connected(address: str, probes: dict[int, socket.socket]) -> list[int]:
    poll = select.poll()
    asked: dict[int, int] = {}
    for port, probe in probes.items():
        probe.setblocking(False)
        probe.connect_ex((address, port))
        poll.register(probe, select.POLLOUT)
        asked[probe.fileno()] = port
    found = []
    while asked and (ready := poll.poll(1000)):
        for number, _ in ready:
            poll.unregister(number)
            port = asked.pop(number)
            if probes[port].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                found.append(port)
    return found


def _do(*command: str) -> None:
    done = subprocess.run(command, env={"PATH": PATH}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
