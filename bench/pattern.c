/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest program of the benchmarks: writes so many bytes that follow from a seed.
 * Making them is the work that is measured, and checking them shows that it was
 * this work.
 *
 *   ktest-pattern SEED BYTES
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/pattern.h"

static uint8_t data[1u << 20];

int main(int argc, char **argv)
{
	size_t len = argc == 3 ? strtoul(argv[2], NULL, 10) : sizeof(data) + 1;
	ssize_t n;

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
