/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The identity of a clone; see clone.h. Taking it is the first thing that a clone does, when an
 * emulated machine has translated no code yet. Everything that can be done before the save, such
 * as opening files, is done there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/clone.h"
#include "init/init.h"
#include "init/last-words.h"

#define MACHINE_ID "/etc/machine-id" /* machine-id(5) */

#define MACHINE_ID_BYTES (2 * KT_CLONE_IDENTITY_BYTES + 1)

static int random_fd = -1;
static char *machine_id; /* the file, mapped: a clone writes it without a system call */

static int map_machine_id(void)
{
	_cleanup_(kt_closep) int fd =
		open(MACHINE_ID, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);

	if (fd < 0 || ftruncate(fd, MACHINE_ID_BYTES))
		return kt_raise(-errno);
	machine_id = mmap(NULL, MACHINE_ID_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return machine_id == MAP_FAILED ? kt_raise(-errno) : 0;
}

static int open_files(void)
{
	if (mkdir("/etc", 0755) && errno != EEXIST)
		return kt_raise(-errno);
	random_fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	return random_fd < 0 ? kt_raise(-errno) : kt_forward(map_machine_id());
}

/*
 * Credits the host's bytes as entropy, so that the kernel uses them at once, and reseeds the
 * kernel's generators, including those of each CPU.
 */
static int reseed(const struct kt_bytes *entropy)
{
	union {
		struct rand_pool_info info;
		uint8_t bytes[sizeof(struct rand_pool_info) + KT_CLONE_ENTROPY_BYTES_MAX];
	} pool = { .info = { .entropy_count = (int)(8 * entropy->len),
			     .buf_size = (int)entropy->len } };

	memcpy(pool.bytes + offsetof(struct rand_pool_info, buf), entropy->data, entropy->len);
	if (ioctl(random_fd, RNDADDENTROPY, &pool.info) || ioctl(random_fd, RNDRESEEDCRNG))
		return kt_raise(-errno);
	return 0;
}

/* printf(3) would be much code to translate in an emulated clone. */
static char *put_hex(char *to, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	return to;
}

static int take_identity(const uint8_t *identity)
{
	char name[] = "ktest-01234567";

	put_hex(name + strlen("ktest-"), identity, 4);
	if (sethostname(name, strlen(name)))
		return kt_raise(-errno);
	*put_hex(machine_id, identity, KT_CLONE_IDENTITY_BYTES) = '\n';
	return 0;
}

int kt_clone_name_oneself(void)
{
	uint8_t identity[KT_CLONE_IDENTITY_BYTES];

	KT_TRY(open_files());
	if (getrandom(identity, sizeof(identity), GRND_NONBLOCK) != (ssize_t)sizeof(identity) &&
	    errno != EAGAIN)
		return kt_raise(-errno);
	return kt_forward(take_identity(identity));
}

void kt_clone_become(struct kt_pid1 *pid1, const struct kt_msg_clone *clone)
{
	const char *doing = "seed the kernel's random numbers";
	int r;

	if (clone->identity.len != KT_CLONE_IDENTITY_BYTES || !clone->entropy.len ||
	    clone->entropy.len > KT_CLONE_ENTROPY_BYTES_MAX)
		kt_init_fail(pid1, "become a clone", "an identity of %u and entropy of %u bytes",
			     clone->identity.len, clone->entropy.len);
	kt_channel_restart(&pid1->channel);
	pid1->staged_bytes = 0;
	r = reseed(&clone->entropy);
	if (!r && !clone->keep_identity) {
		doing = "take an identity";
		r = take_identity(clone->identity.data);
	}
	if (r)
		kt_init_fail(pid1, doing, "%s", strerror(-r));
}
