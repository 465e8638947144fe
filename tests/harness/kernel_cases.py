# SPDX-License-Identifier: GPL-2.0-only
"""Cases of tests/harness/run about kernels that others built, in a cache of their own.

The kernel of the test stands for a distribution's: its bzImage is packed here.
"""
import gzip
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import tarfile

import harness
from harness import case, check, expect, run

PASS, FAIL, COULD_NOT_RUN = harness.PASS, harness.FAIL, harness.COULD_NOT_RUN
RELEASE = "lib/modules/{}/"


def environment(**extra):
    env = harness.environment(False, XDG_CACHE_HOME=str(harness.work / "cache"), **extra)
    env.pop("KTEST_KERNEL", None)
    return env


def kernel(*arguments):
    """ktest kernel ..., in the cache of the case."""
    return harness.Result(subprocess.run([str(harness.KTEST), "kernel", *map(str, arguments)],
                                         text=True, capture_output=True, timeout=120,
                                         env=environment()))


def given():
    """The folder of the kernel of the test, and its release."""
    folder = pathlib.Path(os.environ["KTEST_KERNEL"]).parent
    if not (folder / "bzImage").exists():
        raise harness.Skip("no bzImage is beside $KTEST_KERNEL")
    said = kernel("check", folder).out.splitlines()[-1]
    return folder, said.split(": ")[1].split(",")[0]


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo("./" + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 1)


def deb(name, files):
    """A package with these files, in the folder of the case."""
    members = {"debian-binary": b"2.0\n", "control.tar.gz": tar({}), "data.tar.gz": tar(files)}
    text = b"!<arch>\n"
    for member, data in members.items():
        text += f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        text += data + b"\n" * (len(data) % 2)
    path = harness.work / name
    path.write_bytes(text)
    return path


def packages():
    folder, release = given()
    top = RELEASE.format(release)
    image = deb("image.deb", {top + "vmlinuz": (folder / "bzImage").read_bytes()})
    rest = deb("modules.deb", {top + "config": (folder / "config").read_bytes(),
                               top + "kernel/a.ko.xz": b"a module"})
    return image, rest, release


@case
def kernels_of_packages_run():
    image, rest, release = packages()
    r = expect(run(harness.DEMO, "--kernel", f"{image},{rest}", harness=False, env=environment()),
               PASS, "adding to the cache: the kernel of package image.deb, modules.deb")
    machine = r.json()["machine"]
    check(machine["kernel_release"] == release and "/bzImage" in machine["kernel"], machine)
    listed = expect(kernel("list"), PASS, release, "package image.deb, modules.deb, modules")
    check(len([l for l in listed.out.splitlines() if l[0] != " "]) == 1, listed)
    # It has an id now; and the same files are the same kernel.
    name = listed.out.split()[0]
    added = expect(kernel("add", rest, image), PASS, f"/{name}/bzImage")
    check("adding" not in added.err, added)
    expect(kernel("check", name[:-2]), PASS, "ktest can use it")
    expect(kernel("path"), PASS, name)
    r = expect(run(harness.DEMO, "--kernel", name[:-1], harness=False, env=environment()), PASS)
    check("adding" not in r.err, r)
    expect(kernel("rm", name), PASS)
    check(not kernel("list").out, kernel("list"))


@case
def kernels_that_cannot_be_added():
    image, rest, release = packages()
    expect(kernel("add", "/etc/passwd"), COULD_NOT_RUN, "/etc/passwd", "neither a kernel image",
           ".rpm")
    expect(kernel("add", rest), COULD_NOT_RUN, "modules.deb: there is no kernel image", "vmlinuz")
    expect(kernel("add", "no.deb"), COULD_NOT_RUN, "no.deb", "No such file")
    other = deb("other.deb", {"lib/modules/7.99/kernel/a.ko": b"a"})
    expect(kernel("add", image, other), COULD_NOT_RUN, f"two kernels: {release} and 7.99",
           "each kernel by itself")
    hostile = deb("hostile.deb", {"../../../etc/passwd": b"x"})
    expect(kernel("add", image, hostile), COULD_NOT_RUN, "hostile.deb: it has a path with '..'")
    for option, words in [("--strip-all", None), ("--remove-section=.BTF", "no BTF")]:
        elf = harness.work / "vmlinux-of-others"
        subprocess.run(["objcopy", option, os.environ["KTEST_KERNEL"], str(elf)], check=True)
        if words:
            expect(kernel("add", elf), COULD_NOT_RUN, words, "ktest kernel build")
            expect(run(harness.DEMO, "--kernel", f"{elf},{rest}", harness=False, env=environment()),
                   COULD_NOT_RUN, words)
        else:
            expect(kernel("check", elf), PASS, "lacks symbol table", "no configuration beside it")
    expect(run(harness.DEMO, "--kernel", "no-such-id", harness=False, env=environment()),
           COULD_NOT_RUN, "no kernel of the cache", "ktest kernel list")
    check(not kernel("list").out, kernel("list"))
    check(not (harness.work / "cache/ktest/kernels/.import").exists(), "a work folder is left")


def btf_of_a_struct(name):
    """BTF of an int and of a struct with one member."""
    strings = b"\0int\0member\0" + name.encode() + b"\0"
    types = struct.pack("<IIII", 1, 1 << 24, 4, 32)
    types += struct.pack("<IIIIII", 12, 4 << 24 | 1, 4, 5, 1, 0)
    return struct.pack("<HBBIIIII", 0xeb9f, 1, 0, 24, 0, len(types), len(types),
                       len(strings)) + types + strings


@case
def kernels_that_cannot_be_talked_to():
    """A module that is not there is said before anybody waits for the guest."""
    elf, btf, config = (harness.work / name for name in ("vmlinux", "btf", "config"))
    btf.write_bytes(btf_of_a_struct("sched_ext_ops"))
    subprocess.run(["objcopy", f"--update-section=.BTF={btf}", os.environ["KTEST_KERNEL"],
                    str(elf)], check=True)
    text = (given()[0] / "config").read_text()
    config.write_text(text.replace("CONFIG_VIRTIO_CONSOLE=y", "CONFIG_VIRTIO_CONSOLE=m"))
    said = "needs virtio ports (CONFIG_VIRTIO_CONSOLE=m, without its module): ktest cannot talk to"
    r = expect(kernel("add", elf, config), PASS, "ktest cannot use this kernel", "it " + said)
    expect(kernel("check", r.out.strip()), FAIL, said, "ktest cannot use it")
    expect(kernel("list"), PASS, said)
    rest = deb("modules.deb", {RELEASE.format(given()[1]) + "kernel/virtio_console.ko": b"x"})
    r = expect(kernel("add", elf, config, rest), PASS)
    check("cannot use" not in r.err, r)
    said = "has virtio ports as module virtio_console, which ktest loads"
    expect(kernel("check", r.out.strip()), PASS, said, "ktest can use it")
    expect(kernel("list"), PASS, said)
    config.write_text(text)
    r = expect(kernel("add", elf, config), PASS)
    check("cannot use" not in r.err, r)
    expect(kernel("check", r.out.strip()), PASS, "ktest can use it")


@case
def kernels_that_are_half_added():
    """A killed import leaves no kernel, and hinders no other."""
    image, _, release = packages()
    large = deb("large.deb", {RELEASE.format(release) + "kernel/a.ko": bytes(300 << 20)})
    work = harness.work / "cache/ktest/kernels/.import"
    argv = [str(harness.KTEST), "kernel", "add", str(image), str(large)]
    with subprocess.Popen(argv, env=environment(), stdout=subprocess.DEVNULL) as adding:
        while adding.poll() is None and not list(work.glob("*/modules/kernel/a.ko")):
            pass
        adding.send_signal(signal.SIGKILL)
    check(adding.returncode == -signal.SIGKILL and work.exists(), adding.returncode)
    check(not kernel("list").out, kernel("list"))
    expect(kernel("add", image), PASS, release)
    check(not work.exists(), "a work folder is left")


@case
def scenarios_run_on_several_kernels():
    image, rest, release = packages()
    name, both = "boot_only_completes_under_eevdf", ["--kernel", os.environ["KTEST_KERNEL"],
                                                     "--kernel", f"{image},{rest}"]
    r = expect(run(name, *both, harness=False, env=environment()), PASS)
    check(r.out.count(f"PASS {name} on {release}: ") == 2, r)
    table = r.out.splitlines()[-2:]
    check(table[0].split() == [release] * 2 and table[1].split() == [name, "pass", "pass"], r)
    # By their ids; the same kernel twice is one, and needs no table.
    r = expect(run(name, "--kernel", f"{release}-*", "--kernel", release, "--json", harness=False,
                   env=environment()), PASS)
    check(len(json.loads(r.out)) == 1, r)
    expect(run(name, "--kernel", "none-*", harness=False, env=environment()), COULD_NOT_RUN,
           "find the guest kernels 'none-*'", "ktest kernel list")


@case
def scenarios_run_on_several_topologies():
    """Two columns; what names CPUs that a topology does not have is skipped there."""
    name, cpus = "boot_only_completes_under_eevdf", "cpuset_is_cleared_under_load"
    small, large = "1n1l1c1t", "1n1l4c1t"
    r = expect(run(name, cpus, "--topology", small, "--topology", large, "-j", "2", harness=False),
               PASS, f"PASS {name} on {small}: ", f"SKIP {cpus} on {small}: it names CPUs",
               f"PASS {name} on {large}: ", f"PASS {cpus} on {large}: ", f"--topology {large}")
    check([line.split() for line in r.out.splitlines()[-3:]] ==
          [[small, large], [name, "pass", "pass"], [cpus, "skip", "pass"]], r)
    r = expect(run(name, "--topology", small, harness=False), PASS, f"PASS {name}: ")
    check(r.json()["machine"]["topology"] == small and r.out.splitlines()[-1].startswith("  rerun"), r)
    for words, said in [(["1n1l"], "--topology 1n1l: "), ([small, small], "is given twice")]:
        options = [o for word in words for o in ("--topology", word)]
        expect(run(name, *options, harness=False), COULD_NOT_RUN, said)


APT = """#!/bin/sh
# Stands for apt: what it is asked is written down, and what it finds is in $ARCHIVE.
echo "$(basename $0) $*" >>"$ARCHIVE/asked"
case "$*" in
indextargets*) echo "${CODENAME:-none} http://mirror.example/debian" ;;
*update) [ ! -e "$ARCHIVE/offline" ] || { echo "E: Could not resolve 'mirror.example'"; exit 100; } ;;
*pkgnames*) cat "$ARCHIVE/names" ;;
*download*)
	[ ! -e "$ARCHIVE/altered" ] || { echo "E: Failed to fetch x  Hash Sum mismatch"; exit 100; }
	while [ "$1" != download ]; do shift; done
	shift
	for name; do cp "$ARCHIVE/$name.deb" .; done ;;
esac
"""


def fetched_from(names):
    """An archive that has these packages, and `ktest kernel fetch` with an apt that serves it."""
    if "VERSION_CODENAME=bookworm" not in pathlib.Path("/etc/os-release").read_text():
        raise harness.Skip("made for Debian 12, whose release the archive's suite follows")
    archive, programs = harness.work / "archive", harness.work / "programs"
    archive.mkdir()
    programs.mkdir()
    for name in ["apt-get", "apt-cache"]:
        (programs / name).write_text(APT)
        (programs / name).chmod(0o755)
    (archive / "names").write_text("\n".join(names) + "\n")
    env = environment(ARCHIVE=str(archive), CODENAME="bookworm",
                      PATH=f"{programs}:{os.environ['PATH']}")

    def fetch(*arguments):
        return harness.Result(subprocess.run([str(harness.KTEST), "kernel", "fetch", *arguments],
                                             text=True, capture_output=True, timeout=120, env=env))
    return archive, fetch


@case
def kernels_are_fetched():
    image, rest, release = packages()
    old, new = "6.9.9-cloud-amd64", "6.10.1-cloud-amd64"
    archive, fetch = fetched_from([f"linux-image-{old}", f"linux-image-{new}", "linux-image-amd64",
                                   f"linux-image-{new}-dbg", f"linux-binary-{new}",
                                   f"linux-modules-{new}", f"linux-headers-{new}"])
    image.rename(archive / f"linux-binary-{new}.deb")
    rest.rename(archive / f"linux-modules-{new}.deb")
    r = expect(fetch(), PASS, f"fetching kernel {new}", f"/{release}-")
    asked = (archive / "asked").read_text()
    check(f"download linux-binary-{new} linux-modules-{new}\n" in asked, asked)
    check("install" not in asked, asked)
    listed = expect(kernel("list"), PASS, release, f"linux-binary-{new}.deb", ", modules")
    check(r.out.strip().startswith(str(harness.work / "cache")), r)
    # The same once more comes from the cache.
    again = expect(fetch("latest"), PASS)
    check(again.out == r.out and kernel("list").out == listed.out, again)
    check(not (harness.work / "cache/ktest/kernels/.fetch").exists(), "a work folder is left")


@case
def kernels_that_cannot_be_fetched():
    """Nothing half-made is used, and the next try is as the first."""
    name = "6.10.1-cloud-amd64"
    archive, fetch = fetched_from([f"linux-image-{name}"])
    expect(fetch("6.1"), COULD_NOT_RUN, "trixie-backports has no kernel '6.1'")
    (archive / "offline").touch()
    expect(fetch(), COULD_NOT_RUN, "apt: E: Could not resolve 'mirror.example'", "mirror can be reached")
    (archive / "offline").unlink()
    (archive / "altered").touch()
    expect(fetch(), COULD_NOT_RUN, "apt: E: Failed to fetch x  Hash Sum mismatch")
    (archive / "altered").unlink()
    (archive / f"linux-image-{name}.deb").write_bytes(b"!<arch>\nnot a package")
    expect(fetch("6.10"), COULD_NOT_RUN, f"linux-image-{name}.deb")
    check(not kernel("list").out, kernel("list"))
    check(not (harness.work / "cache/ktest/kernels/.fetch").exists(), "a work folder is left")
