/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a fuzz target as a test: every file of the corpus folder, every prefix
 * of it, and a fixed number of seeded mutations. The seed is printed; the same
 * seed gives the same inputs.
 *
 *   fuzz-NAME CORPUS_DIR [MUTATIONS [SEED]]
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/pattern.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX    (4u << 20)
#define PREFIXES_MAX 4096

static uint64_t rng;

static uint64_t next(void)
{
	return kt_pattern_next(&rng);
}

/* Inputs are copied to the heap at their exact size, so that overreads are seen. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void mutate(const struct kt_buf *seed, unsigned int times)
{
	uint8_t *copy = malloc(seed->len + 1);

	if (!copy)
		abort();
	for (unsigned int i = 0; i < times; i++) {
		size_t size = seed->len;

		if (size)
			memcpy(copy, seed->data, size);
		for (uint64_t n = next() % 8 + 1; size && n > 0; n--) {
			size_t at = next() % size;

			switch (next() % 4) {
			case 0:
				copy[at] ^= (uint8_t)(1 << next() % 8);
				break;
			case 1:
				copy[at] = (uint8_t)next();
				break;
			case 2:
				copy[at] = (uint8_t[]){ 0, 1, 0x7f, 0x80, 0xff }[next() % 5];
				break;
			default:
				size = at + 1;
			}
		}
		feed(copy, size);
	}
	free(copy);
}

static int run_file(const char *path, unsigned int mutations)
{
	_cleanup_(kt_buf_deinit) struct kt_buf buf = KT_BUF_INIT(INPUT_MAX);
	size_t stride;
	int r = kt_read_file(path, &buf);

	if (r) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return 1;
	}
	feed(buf.data, buf.len);
	stride = buf.len / PREFIXES_MAX + 1;
	for (size_t len = 0; len < buf.len; len += stride)
		feed(buf.data, len);
	mutate(&buf, mutations);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int mutations = argc > 2 ? (unsigned int)atoi(argv[2]) : 2000, files = 0;
	char path[KT_PATH_MAX];
	struct dirent *e;
	DIR *dir;

	rng = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
	printf("seed %llu, %u mutations of each input\n", (unsigned long long)rng, mutations);
	if (argc < 2 || !(dir = opendir(argv[1]))) {
		fprintf(stderr, "usage: %s CORPUS_DIR [MUTATIONS [SEED]]\n", argv[0]);
		return 1;
	}
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (kt_path_format(path, "%s/%s", argv[1], e->d_name) || run_file(path, mutations))
			return 1;
		files++;
	}
	closedir(dir);
	printf("%u inputs\n", files);
	return files ? 0 : 1;
}
