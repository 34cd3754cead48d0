"""What the peers of the tests have in common. Needs only the Python standard library.

A peer is a child process that listens on 127.0.0.1 only, prints one line `READY port=…` on its standard output when it
answers, and ends when its standard input closes or on SIGTERM, so that a test that dies leaves nothing behind.
"""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def free_port():
    """A TCP port on 127.0.0.1 that was free a moment ago; whoever uses it tries again with another if it was lost."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ready(**facts):
    """Tells the parent that the peer answers now."""
    print("READY", *(f"{key}={value}" for key, value in facts.items()), flush=True)


def until_told_to_end():
    """An event that is set when standard input closes and on SIGTERM and SIGINT."""
    event = threading.Event()

    def watch():
        while os.read(0, 4096):
            pass
        event.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    threading.Thread(target=watch, daemon=True).start()
    return event


def loopback_environment():
    """The environment in which a program of DCMTK or Orthanc listens on 127.0.0.1 only and answers without delay."""
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "dicomnode-peers")
    os.makedirs(cache, mode=0o700, exist_ok=True)
    source, library = os.path.join(HERE, "bindlo.c"), os.path.join(cache, "bindlo.so")
    with open(os.path.join(cache, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests start peers at the same time
        if not os.path.exists(library) or os.path.getmtime(library) < os.path.getmtime(source):
            made = f"{library}.{os.getpid()}"
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", made, source, "-ldl"], check=True)
            os.rename(made, library)
    # Without TCP_NODELAY DCMTK waits 44 ms for a delayed acknowledgement with each C-STORE.
    return {**os.environ, "LD_PRELOAD": library, "TCP_NODELAY": "1"}


def start(command, **options):
    """Starts a child that the kernel ends when this process ends, however it ends."""
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)

    def in_child():
        # Who started this process may have blocked signals, and DCMTK's programs end by SIGTERM only.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        libc.prctl(set_parent_death_signal, signal.SIGKILL)

    return subprocess.Popen(command, **{"stdin": subprocess.DEVNULL, **options}, preexec_fn=in_child)


def stop(child, seconds=10):
    """Ends a child politely, and for certain after `seconds`."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def serve_dcmtk(command, ae_title, ended, port=0, tls=None, **facts):
    """Runs a server of DCMTK until the end is asked for; `command` makes its command line for a port.

    Says READY with the port and the facts when it answers; tries three free ports unless one is given.
    """
    for _ in range(1 if port else 3):
        chosen = port or free_port()
        child = start(command(chosen), env=loopback_environment(), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while child.poll() is None and time.monotonic() < deadline and not ended.is_set():
            if answers_echo(chosen, ae_title, tls=tls):
                ready(port=chosen, **facts)
                while child.poll() is None and not ended.wait(0.2):
                    pass
                stop(child)
                return
            time.sleep(0.05)
        stop(child)
        if ended.is_set():
            return
    fail(f"{command(0)[0]} did not start")


def dcmtk_tls(folder, name):
    """The options by which DCMTK's programs use the certificate of that name."""
    return ["+tls", f"{folder}/{name}.key", f"{folder}/{name}.crt", "+cf", f"{folder}/ca.crt"]


def answers_echo(port, ae_title, seconds=2, tls=None):
    """Whether a C-ECHO by DCMTK succeeds (by its full path: pynetdicom installs another echoscu)."""
    command = ["/usr/bin/echoscu", "-to", str(seconds), "-ta", str(seconds), "-aec", ae_title]
    command += dcmtk_tls(tls, "client") if tls else []
    command += ["127.0.0.1", str(port)]
    environment = {**os.environ, "TCP_NODELAY": "1"}
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def fail(message, status=1):
    """Ends the peer with a sentence on standard error."""
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr, flush=True)
    sys.exit(status)
