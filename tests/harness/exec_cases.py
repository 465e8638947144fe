# SPDX-License-Identifier: GPL-2.0-only
"""`ktest exec`: a command's streams, its end, and what is left behind: nothing. `ktest shell`."""
import fcntl
import os
import pathlib
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import harness as h
from harness import case, check

FAULT, CANNOT_RUN, NOT_FOUND, TIMED_OUT, SCHEDULER_DIED = 125, 126, 127, 124, 123


def argv(*arguments):
    return [str(h.KTEST), "exec", "--accel", h.ACCEL] + [str(a) for a in arguments]


def execute(*arguments, data=b"", **options):
    return subprocess.run(argv(*arguments), input=data, capture_output=True, timeout=150,
                          env=h.environment(harness=False), **options)


def expect(done, status, out=None, err=b""):
    """err: a part of it; b"": there is nothing on standard error at all."""
    check(done.returncode == status, f"wanted status {status}:", done)
    check(out is None or done.stdout == out, f"wanted {out!r}:", done)
    check(err in done.stderr if err else not done.stderr, f"wanted {err!r}:", done)
    return done


def shell(*options, text, **more):
    return execute(*options, "--", "busybox", "sh", "-c", text, **more)


def need_busybox():
    if not shutil.which("busybox"):
        raise h.Skip("the host has no busybox")


def start(*arguments, **options):
    """A command that is running, and has said so on its standard output."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
               "stderr": subprocess.PIPE, **options}
    child = subprocess.Popen(argv(*arguments), env=h.environment(harness=False), **options)
    check(child.stdout.readline() == b"ready\n", "the command did not start")
    return child


PROGRAM = r"""
#include <signal.h>
#include <unistd.h>
/* Nothing is buffered: a signal comes at any time. */
static void on_signal(int sig)
{
	char text[] = "signal 00\n";

	text[7] += sig / 10;
	text[8] += sig % 10;
	if (write(1, text, 10) == 10 && sig != SIGINT)
		_exit(7);
}
int main(int argc, char **argv)
{
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (argc > 1 && fork() == 0)
		signal(SIGINT, SIG_IGN), signal(SIGTERM, SIG_IGN);
	else if (write(1, "ready\n", 6) != 6)
		return 1;
	for (;;)
		pause();
}
"""


# ---- ends ----

@case
def exec_gives_the_exit_status():
    need_busybox()
    expect(execute("--", "true"), 0, b"")
    expect(execute("--", "false"), 1, b"")
    expect(shell(text="exit 42"), 42, b"")
    for name, number in (("KILL", 9), ("SEGV", 11), ("TERM", 15)):
        expect(shell(text=f"kill -{name} $$; sleep 100"), 128 + number)


@case
def exec_names_a_missing_program():
    expect(execute("--", "no-such-program"), NOT_FOUND, b"", b"'no-such-program'")
    expect(execute("--", "/no/such/program"), NOT_FOUND, b"", b"No such file")
    expect(execute("--", "/etc/passwd"), CANNOT_RUN, b"", b"can be executed")
    expect(execute("--", ":no-such"), NOT_FOUND, b"", b":no-such")
    script = h.work / "script"
    script.write_text("#!/no/interpreter\n")
    script.chmod(0o755)
    expect(execute("--", script), FAULT, b"", b"/no/interpreter")


@case
def exec_time_out_kills_all():
    """The end comes only when the whole cgroup is gone, children that ignore signals too."""
    program = h.static_program("stubborn", PROGRAM, ["-static"])
    start_time = time.monotonic()
    expect(execute("--timeout", "700ms", "--", program, "fork"), TIMED_OUT, b"ready\n")
    check(time.monotonic() - start_time < 30, "it took too long")


@case
def exec_kills_what_is_left_running():
    need_busybox()
    r = shell(text="(trap '' HUP TERM; while :; do sleep 1; done) & echo left", cwd=h.work)
    expect(r, 0, b"left\n")


@case
def exec_usage_errors():
    for arguments, word in (((), b"name a command"), (("--timeout", "0", "true"), b"duration"),
                            (("--timeout", "1x", "true"), b"duration"),
                            (("--memory", "1", "true"), b"size"),
                            (("--memory", "99999999G", "true"), b"size"),
                            (("--env", "=x", "true"), b"NAME=VALUE"),
                            (("--file", "a", "true"), b"HOST:GUEST"),
                            (("--file", "a:/proc/x", "true"), b"/proc"),
                            (("--topology", "1x", "true"), b"1x"),
                            (("--nonsense", "true"), b"--nonsense"),
                            (("--scheduler-arg", "x", "true"), b"goes with --scheduler")):
        expect(execute(*arguments), FAULT, b"", word)


@case
def exec_unfit_kernel_is_no_interrupt():
    """The condition of a kernel was once taken for the one of a bake that was cancelled."""
    image = h.broken_kernel("exec-nobtf", "--remove-section", ".BTF")
    for options in [(), ("--cold",)]:
        expect(execute(*options, "--kernel", image, "--", "true"), FAULT, b"", b"BTF")
    expect(execute("--kernel", h.ROOT / "README.md", "--", "true"), FAULT, b"", b"README.md")


# ---- streams ----

@case
def exec_input_and_output_are_exact():
    data = os.urandom((1 << 20) + 3)
    expect(execute("--", "cat", data=data), 0, data)
    source = h.work / "source"
    source.write_bytes(data)
    with open(source, "rb") as f, open(h.work / "target", "wb") as t:
        subprocess.run(argv("--", "cat"), stdin=f, stdout=t, check=True, timeout=150,
                       env=h.environment(harness=False))
    check((h.work / "target").read_bytes() == data, "a file did not come through")


@case
def exec_streams_are_apart():
    need_busybox()
    r = shell(text="for i in 1 2 3; do printf out$i; printf err$i >&2; done")
    expect(r, 0, b"out1out2out3", b"err1err2err3")
    check(r.stderr == b"err1err2err3", r)


@case
def exec_slow_reader_loses_nothing():
    """More than all buffers in between hold; the reader comes late."""
    need_busybox()
    child = subprocess.Popen(argv("--", "busybox", "seq", "1", "400000"), stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, env=h.environment(harness=False))
    first = child.stdout.read(10)
    try:  # the command has been running for longer than a silent host is given
        child.wait(timeout=12)
        check(False, "it ended without a reader")
    except subprocess.TimeoutExpired:
        pass
    rest = child.stdout.read()
    want = b"".join(b"%d\n" % i for i in range(1, 400001))
    check(child.wait(timeout=60) == 0 and first + rest == want, "output was lost")


@case
def exec_reader_that_goes_away():
    need_busybox()
    child = subprocess.Popen(argv("--", "busybox", "yes"), stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, env=h.environment(harness=False))
    check(child.stdout.readline() == b"y\n", "no output")
    child.stdout.close()
    status = child.wait(timeout=60)
    check(status == 128 + signal.SIGPIPE, status)


# ---- what is in the machine ----

@case
def exec_environment_and_files():
    need_busybox()
    data = h.work / "data"
    data.write_text("of the host\n")
    r = shell("--env", "ONE=1", "--env", "TWO=a b", "--file", f"{data}:/tmp/deep/data",
              text='echo "$ONE,$TWO"; cat /tmp/deep/data; pwd')
    expect(r, 0, b"1,a b\nof the host\n/\n")
    program = h.static_program("hello", '#include <stdio.h>\nint main(void) { puts("hello"); }\n')
    expect(execute("--file", f"{program}:/opt/tool", "--", "/opt/tool"), 0, b"hello\n")
    expect(execute("--file", f"{program}:/opt/tool", "--", "tool"), 0, b"hello\n")
    expect(execute("--", program), 0, b"hello\n")
    script = h.work / "script"
    script.write_text("#!/bin/sh\necho \"$0: $@\"\n")
    script.chmod(0o755)
    expect(execute("--", script, "a", "b c"), 0, f"{script}: a b c\n".encode())


@case
def exec_machine_is_as_asked_for():
    need_busybox()
    for how in ([], ["--cold"]):
        r = shell(*how, "--topology", "1n1l3c1t", "--memory", "700M",
                  text="grep -c ^processor /proc/cpuinfo; grep MemTotal /proc/meminfo")
        cpus, memory = expect(r, 0).stdout.splitlines()
        check(cpus == b"3" and 600000 < int(memory.split()[1]) < 716800, r)


@case
def exec_clones_are_told_apart():
    """By name, by machine id, by boot id and by random numbers; not by what was baked."""
    need_busybox()
    text = ("hostname; cat /etc/machine-id /proc/sys/kernel/random/boot_id; "
            "head -c 16 /dev/urandom | md5sum")
    runs = [expect(shell(text=text), 0).stdout.splitlines() for _ in range(2)]
    for a, b in zip(*runs):
        check(a != b and len(a) > 8, runs)
    check(runs[0][0] == b"ktest-" + runs[0][1][:8], runs)


@case
def exec_under_a_scheduler():
    need_busybox()
    r = shell("--scheduler", h.FIXTURE,
              text="cat /sys/kernel/sched_ext/root/ops /sys/kernel/sched_ext/state; "
                   "cat /proc/[0-9]*/comm | grep -x scx_ktest")
    # The last is the name of its process: that of the host's file.
    expect(r, 0, b"scx_ktest\nenabled\nscx_ktest\n")
    expect(execute("--scheduler", "/bin/false", "--", "true"), FAULT, b"", b"startup-died")
    expect(execute("--scheduler", "/no/such", "--", "true"), FAULT, b"", b"/no/such")
    expect(execute("--attach-timeout", "400ms", "--scheduler", "/bin/sleep", "--scheduler-arg",
                   "100", "--", "true"), FAULT, b"", b"within 400ms, the limit (--attach-timeout")


@case
def exec_under_a_scheduler_that_dies():
    need_busybox()
    options = ["--scheduler", h.FIXTURE, "--scheduler-arg", "--exit-after", "--scheduler-arg", "1",
               "--artifacts", h.work / "runs"]
    # The command ends as soon as the scheduler is gone: its end is told after the death.
    text = ("echo '<3>WARNING: of the test' >/dev/kmsg; "
            "while grep -q enabled /sys/kernel/sched_ext/state; do sleep 0.05; done; exit 7")
    died = b"scheduler 'scx_ktest' (generation 1) died unexpectedly, "
    r = expect(shell(*options, text=text), SCHEDULER_DIED, b"", died)
    for word in [b"error-bpf: scx_bpf_error: told to give up", b"s after it attached",
                 b"ktest: the guest kernel complained: WARNING: of the test\n"]:
        check(word in r.stderr, word, "is missing:", r)
    folder = pathlib.Path(r.stderr.split(b"artefacts: ")[1].strip().decode())
    check(folder.parent == h.work / "runs", folder)
    check("told to give up" in (folder / "sched-1.log").read_text(), folder)
    check("WARNING: of the test" in (folder / "console.log").read_text(), folder)
    check((folder / "death.txt").read_bytes() in r.stderr, (folder / "death.txt").read_bytes(), r)
    expect(shell("--allow-scheduler-death", *options, text=text), 7, b"", died)


@case
def exec_reports_what_the_kernel_complains_of():
    need_busybox()
    r = shell(text="echo '<3>WARNING: of the test' >/dev/kmsg; exit 3")
    expect(r, 3, b"", b"ktest: the guest kernel complained: WARNING: of the test\n")


@case
def exec_machine_that_dies():
    need_busybox()
    expect(shell(text="echo c > /proc/sysrq-trigger; sleep 100"), FAULT, b"", b"anic")
    expect(shell(text="kill -9 -1; reboot -f"), FAULT, b"", b"ktest: ")


# ---- interrupted ----

@case
def exec_passes_signals_on():
    program = h.static_program("waits", PROGRAM, ["-static"])
    for number, end in ((signal.SIGINT, None), (signal.SIGTERM, 7)):
        child = start("--", program)
        child.send_signal(number)
        line = child.stdout.readline()
        check(line == b"signal %02d\n" % number, "not signal", number, "but", line)
        if end is None:  # the command goes on; the second one ends the machine
            child.send_signal(number)
            end = 128 + number
        check(child.wait(timeout=20) == end, child.returncode)
        child.communicate()


@case
def exec_killed_leaves_nothing():
    program = h.static_program("waits", PROGRAM, ["-static"])
    child = start("--", program, "fork")
    check(h.ACCEL != "tcg" or h.machines(), "there is no machine")
    child.kill()
    child.communicate()
    h.wait_until("the machine's end", lambda: not h.machines(), 5)


# ---- on a terminal ----

class Terminal:
    """`ktest shell` with a pty of this process as its terminal."""

    def __init__(self, *arguments, rows=33, columns=99):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.text = b""
        words = [str(h.KTEST), "shell", "--accel", h.ACCEL] + [str(a) for a in arguments]
        self.child = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave,
                                      env=h.environment(harness=False), preexec_fn=self.own)

    @staticmethod
    def own():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text)

    def expect(self, word, seconds=60):
        """Waits until the word is there; what was before it is not looked at again."""
        end = time.monotonic() + seconds
        while word not in self.text:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.master], [], [], max(left, 0))
            check(ready, f"'{word}' did not come:", self.text)
            self.text += os.read(self.master, 4096)
        before, self.text = self.text.split(word, 1)
        return before

    def end(self, status):
        check(self.child.wait(timeout=60) == status, self.child.returncode, self.text)
        check(termios.tcgetattr(self.slave) == self.before, "the terminal was not put back")


@case
def shell_on_a_terminal():
    need_busybox()
    t = Terminal("--env", "GREETING=hello")
    t.expect(b"# ")
    check(termios.tcgetattr(t.slave)[3] & termios.ECHO == 0, "the terminal is not raw")
    t.type(b"echo $GREETING-$((6 * 7)); tty\r")
    t.expect(b"hello-42\r\n")
    t.expect(b"/dev/hvc0")
    t.type(b"stty size\r")
    t.expect(b"\r\n33 99\r\n")
    t.type(b"trap 'echo resized' WINCH; echo trap-$((1 + 1))\r")
    t.expect(b"trap-2\r\n")
    t.resize(40, 132)
    t.type(b"while ! stty size | grep 132; do :; done; echo $((2 + 3))size\r")
    t.expect(b"\r\n40 132\r\n")
    t.expect(b"5size\r\n")
    t.type(b"sh -c 'echo in-$((4 * 4)); sleep 1000'\r")
    t.expect(b"in-16\r\n")
    t.type(b"\x03")
    t.expect(b"^C")
    t.type(b"echo back-$((3 * 3))\r")
    t.expect(b"back-9\r\n")
    t.type(b"exit 5\r")
    t.end(5)


@case
def shell_ends_with_its_terminal():
    need_busybox()
    t = Terminal()
    t.expect(b"# ")
    t.child.send_signal(signal.SIGTERM)
    t.end(128 + signal.SIGTERM)
    t = Terminal()
    t.expect(b"# ")
    t.child.kill()
    t.child.wait()
    h.wait_until("the machine's end", lambda: not h.machines(), 5)


@case
def shell_needs_a_terminal():
    done = subprocess.run([str(h.KTEST), "shell"], stdin=subprocess.DEVNULL, capture_output=True,
                          env=h.environment(harness=False), timeout=20)
    expect(done, FAULT, b"", b"not a terminal")


@case
def guest_has_the_kernels_configuration():
    """Where libbpf looks for it, for __kconfig variables of schedulers."""
    need_busybox()
    expect(shell(text="grep -c CONFIG_SCHED_CLASS_EXT=y /boot/config-$(uname -r)"), 0, b"1\n")
