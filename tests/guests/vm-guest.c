/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PID 1 of the machines that tests/vm boots. The kernel hands words of its
 * command line with a "=" on as environment: "guest=WHAT" says what to do.
 *
 *   marker    print a line and power off
 *   exit      print a line and return, which the kernel answers with a panic
 *   topology  print the place of each CPU, and power off
 *   serve     obey lines of text on the control port, and answer with a line:
 *               echo N      (the answer is the N bytes that follow)
 *               page N KEY  fill a page of NUMA node N with the pattern of KEY
 *               count KEY   count in the first word of that page from now on
 *               look KEY    the first word of that page
 *               clock       CLOCK_MONOTONIC in nanoseconds
 *               poweroff    (no answer)
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/guests/vm-guest.h"

#define PAGES_MAX 16

static volatile uint64_t *pages[PAGES_MAX]; /* by key */

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The kernel's own last line would get between what is still on its way to the console. */
static void finish_printing(void)
{
	fflush(NULL);
	tcdrain(STDOUT_FILENO);
}

static void power_off(void)
{
	finish_printing();
	reboot(RB_POWER_OFF);
}

static void die(const char *what)
{
	perror(what);
	power_off();
}

/* ---- topology ---- */

static void read_line(char *buf, size_t size, const char *fmt, int cpu)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), fmt, cpu);
	f = fopen(path, "re");
	if (!f || !fgets(buf, (int)size, f))
		snprintf(buf, size, "?");
	buf[strcspn(buf, "\n")] = '\0';
	if (f)
		fclose(f);
}

static int node_of(int cpu)
{
	char path[128];

	for (int node = 0; node < 64; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/node%d", cpu, node);
		if (!access(path, F_OK))
			return node;
	}
	return -1;
}

static void print_topology(void)
{
	char threads[64], llc[64], package[64], distance[256];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (int i = 0; i < cpus; i++) {
		read_line(threads, sizeof(threads),
			  "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", i);
		read_line(llc, sizeof(llc),
			  "/sys/devices/system/cpu/cpu%d/cache/index3/shared_cpu_list", i);
		read_line(package, sizeof(package),
			  "/sys/devices/system/cpu/cpu%d/topology/core_siblings_list", i);
		printf("cpu %d node %d threads %s llc %s package %s\n", i, node_of(i), threads, llc,
		       package);
	}
	read_line(distance, sizeof(distance), "/sys/devices/system/node/node%d/distance", 0);
	printf("distance %s\n", distance);
	printf("end of topology\n");
}

/* ---- serve ---- */

static void fill_page(int node, uint64_t key)
{
	unsigned long mask = 1ul << node;
	uint64_t *page =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || syscall(SYS_mbind, page, 4096, 2 /* MPOL_BIND */, &mask, 64, 0))
		die("page");
	for (unsigned int i = 0; i < 512; i++)
		page[i] = KT_GUEST_PATTERN(key, i);
	if (mlock(page, 4096))
		die("mlock");
	pages[key] = page;
}

static void *count(void *arg)
{
	volatile uint64_t *counter = arg;

	for (;;)
		++*counter;
	return NULL;
}

static void start_counting(volatile uint64_t *counter)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, count, (void *)(uintptr_t)counter))
		die("thread");
}

static void echo(FILE *in, int fd, size_t len)
{
	char *data = malloc(len);
	ssize_t n;

	if (!data || fread(data, 1, len, in) != len)
		die("echo");
	for (size_t done = 0; done < len; done += (size_t)n) {
		n = write(fd, data + done, len - done);
		if (n <= 0)
			die("echo");
	}
	free(data);
}

static int open_port(void)
{
	char path[300], name[64];
	struct dirent *entry;
	DIR *dir = opendir("/sys/class/virtio-ports");

	while (dir && (entry = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		f = fopen(path, "re");
		if (!f || !fgets(name, sizeof(name), f) || strcmp(name, "org.ktest.control\n"))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		return open(path, O_RDWR | O_CLOEXEC);
	}
	return -1;
}

static void obey(FILE *in, int fd, const char *line)
{
	uint64_t key = 0, n;

	if (!strcmp(line, "poweroff\n")) {
		power_off();
	} else if (!strcmp(line, "clock\n")) {
		dprintf(fd, "%lld\n", now_ns());
	} else if (sscanf(line, "echo %" SCNu64, &n) == 1) {
		echo(in, fd, n);
	} else if (sscanf(line, "page %" SCNu64 " %" SCNu64, &n, &key) == 2 && key < PAGES_MAX) {
		fill_page((int)n, key);
		dprintf(fd, "0\n");
	} else if (sscanf(line, "count %" SCNu64, &key) == 1 && key < PAGES_MAX && pages[key]) {
		start_counting(pages[key]);
		dprintf(fd, "0\n");
	} else if (sscanf(line, "look %" SCNu64, &key) == 1 && key < PAGES_MAX && pages[key]) {
		dprintf(fd, "%" PRIu64 "\n", *pages[key]);
	} else {
		die(line);
	}
}

static void serve(void)
{
	char line[128];
	int fd = open_port();
	FILE *in = fdopen(fd, "re");

	if (!in)
		die("control port");
	/* Unbuffered, so that "echo" finds its bytes. */
	setvbuf(in, NULL, _IONBF, 0);
	dprintf(fd, "ready\n");
	while (fgets(line, sizeof(line), in))
		obey(in, fd, line);
	die("control port");
}

int main(void)
{
	const char *what = getenv("guest") ?: "marker";

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("guest %s at %lld ns\n", what, now_ns());
	if (!strcmp(what, "exit")) {
		finish_printing();
		return 3;
	}
	if (!strcmp(what, "topology"))
		print_topology();
	if (!strcmp(what, "serve"))
		serve();
	power_off();
	return 1;
}
