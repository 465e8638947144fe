/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest program of the benchmarks: writes BYTES bytes of the pattern of SEED. Making the pattern
 * is the measured work; the host verifies the bytes.
 *
 *   ktest-pattern SEED BYTES [CPU]
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/pattern.h"

static uint8_t data[1u << 20];

static int pin(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(strtoul(cpu, NULL, 10), &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	size_t len = argc >= 3 ? strtoul(argv[2], NULL, 10) : sizeof(data) + 1;
	ssize_t n;

	if (argc > 3 && pin(argv[3]))
		return 3;

	if (len > sizeof(data))
		return 2;
	kt_pattern_fill(data, len, strtoull(argv[1], NULL, 10));
	for (size_t at = 0; at < len; at += (size_t)n) {
		n = write(1, data + at, len - at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return 1;
	}
	return 0;
}
