/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of executor slots run in the guest:
 *
 *   spew BYTES CHARS   BYTES of the first character to stdout, as many of the
 *                      second to stderr, in pieces of odd sizes, turn by turn
 *   cat                stdin to stdout
 *   leave              leaves a child behind that holds its output, and ends
 *   hang               never ends, and neither does its child
 *   damage FILE        turns one bit of the byte 512 KiB into it
 *   identity           host name and machine id
 *   terminal           opens the terminal and writes there
 *   nothing
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n <= 0)
			_exit(9);
		data += n;
		len -= (size_t)n;
	}
}

static int spew(size_t bytes, const char *chars)
{
	char piece[2][4097];
	size_t n;

	for (int i = 0; i < 2; i++)
		memset(piece[i], chars[i], sizeof(piece[i]));
	for (size_t at = 0; at < bytes; at += n) {
		n = 1 + at % sizeof(piece[0]);
		n = n < bytes - at ? n : bytes - at;
		put(1, piece[0], n);
		put(2, piece[1], n);
	}
	return 0;
}

static int cat(void)
{
	char piece[5000];
	ssize_t n;

	while ((n = read(0, piece, sizeof(piece))) > 0)
		put(1, piece, (size_t)n);
	return n < 0;
}

static int damage(const char *path)
{
	int fd = open(path, O_RDWR);
	char c;

	if (pread(fd, &c, 1, 512 << 10) != 1)
		return 1;
	c ^= 8;
	return pwrite(fd, &c, 1, 512 << 10) != 1;
}

static int identity(void)
{
	char text[128];
	size_t len;
	ssize_t n;
	int fd = open("/etc/machine-id", O_RDONLY);

	if (gethostname(text, 64))
		return 1;
	len = strlen(text);
	text[len++] = ' ';
	n = read(fd, text + len, 40);
	if (n < 0)
		return 1;
	put(1, text, len + (size_t)n);
	return 0;
}

static int terminal(void)
{
	int fd = open("/dev/hvc0", O_RDWR | O_NOCTTY);

	return !isatty(fd) || write(fd, "seen", 4) != 4;
}

static void hold(void)
{
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "spew") && argc == 4)
		return spew((size_t)atol(argv[2]), argv[3]);
	if (!strcmp(what, "cat"))
		return cat();
	if (!strcmp(what, "damage") && argc == 3)
		return damage(argv[2]);
	if (!strcmp(what, "terminal"))
		return terminal();
	if (!strcmp(what, "identity"))
		return identity();
	if (!strcmp(what, "nothing"))
		return 0;
	if (strcmp(what, "leave") && strcmp(what, "hang"))
		return 8;
	if (!fork() || !strcmp(what, "hang"))
		hold();
	put(1, "left", 4);
	return 3;
}
