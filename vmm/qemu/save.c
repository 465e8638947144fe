/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saving and restoring under QEMU: a migration to and from a file. The migration contains no
 * RAM (x-ignore-shared): RAM of a machine that is saved is ktest's shared memory, and a clone
 * has the bake's memory files mapped copy-on-write from its first instruction on.
 *
 * QEMU keeps guest time (TSC, timers, clocks) relative to its virtual clock, which is part of
 * the state and stands still while the machine is stopped. So time goes on from the save
 * without further work.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "vmm/qemu/args.h"
#include "vmm/qemu/machine.h"

#define FD_NAME "ktest-state"

void kt_qemu_on_migration(struct kt_qemu *qemu, const char *status)
{
	if (qemu->migration != KT_QEMU_MIGRATION_ACTIVE)
		return;
	if (!strcmp(status, "completed"))
		qemu->migration = KT_QEMU_MIGRATION_COMPLETED;
	else if (!strcmp(status, "failed") || !strcmp(status, "cancelled"))
		qemu->migration = KT_QEMU_MIGRATION_FAILED;
	else
		return;
	qemu->wait_done = true;
}

/* Starts a migration by a command, and waits for its end. */
static int migrate(struct kt_qemu *qemu, const char *command, const char *arguments,
		   uint64_t deadline_ns, struct kt_diag *diag)
{
	int r;

	qemu->migration = KT_QEMU_MIGRATION_ACTIVE;
	r = kt_qemu_command_and_wait(qemu, command, arguments, deadline_ns, diag);
	while (!r && qemu->migration == KT_QEMU_MIGRATION_ACTIVE) {
		qemu->wait_done = false;
		r = kt_qemu_wait(qemu, command, deadline_ns, diag);
	}
	if (!r && qemu->migration == KT_QEMU_MIGRATION_FAILED) {
		kt_diag_cause(diag, "QEMU reports that its migration failed");
		r = kt_raise(-EIO);
	}
	qemu->migration = KT_QEMU_MIGRATION_NONE;
	return kt_forward(r);
}

/* ---- saving ---- */

int kt_qemu_save(struct kt_vm *vm, struct kt_bake_draft *draft, uint64_t deadline_ns,
		 struct kt_diag *diag)
{
	struct kt_qemu *qemu = kt_container_of(vm, struct kt_qemu, vm);

	if (vm->ram.private) {
		kt_diag_cause(diag, "the RAM of a clone is QEMU's own");
		kt_diag_remedy(diag, "restore the clone as saveable");
		return KT_VM_E_CANNOT;
	}
	if (qemu->state != KT_QEMU_FROZEN)
		return kt_qemu_wrong_state(qemu, diag);
	if (lseek(draft->state_fd, 0, SEEK_SET) < 0 || ftruncate(draft->state_fd, 0))
		return kt_raise(-errno);
	KT_TRY(kt_qemu_command_and_wait(qemu, "migrate-set-capabilities",
					KT_QEMU_MIGRATION_CAPABILITIES, deadline_ns, diag));
	KT_TRY(kt_qemu_give_fd(qemu, "getfd", "{\"fdname\":\"" FD_NAME "\"}", draft->state_fd,
			       deadline_ns, diag));
	return kt_forward(
		migrate(qemu, "migrate", "{\"uri\":\"fd:" FD_NAME "\"}", deadline_ns, diag));
}

/* ---- restoring ---- */

/* Opens the state anew, for a file offset of its own: other clones read the same file. */
static int open_state(struct kt_qemu *qemu)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", qemu->vm.bake->state_fd);
	qemu->state_fd = open(path, O_RDONLY | O_CLOEXEC);
	return qemu->state_fd < 0 ? kt_raise(-errno) : 0;
}

static int load_state(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	char arguments[64];

	if (qemu->blank) {
		snprintf(arguments, sizeof(arguments), "{\"uri\":\"fd:" FD_NAME "\"}");
		KT_TRY(kt_qemu_give_fd(qemu, "getfd", "{\"fdname\":\"" FD_NAME "\"}",
				       qemu->state_fd, deadline_ns, diag));
	} else {
		snprintf(arguments, sizeof(arguments), "{\"uri\":\"fd:%d\"}", qemu->state_fd);
	}
	KT_TRY(kt_qemu_command(qemu, "query-cpus-fast", NULL, &qemu->vcpus_id));
	return kt_forward(migrate(qemu, "migrate-incoming", arguments, deadline_ns, diag));
}

static int start(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	KT_TRY(kt_qemu_set_up(qemu, diag));
	return kt_forward(kt_qemu_command_and_wait(qemu, "migrate-set-capabilities",
						   KT_QEMU_MIGRATION_CAPABILITIES, deadline_ns,
						   diag));
}

static int restore(struct kt_qemu *qemu, uint64_t deadline_ns, struct kt_diag *diag)
{
	struct kt_vm_restore_times *times = &qemu->vm.times;
	uint64_t start_ns = kt_now_ns();
	int r = open_state(qemu);

	if (!r)
		r = qemu->blank ? kt_qemu_complete(qemu, deadline_ns, diag) :
				  start(qemu, deadline_ns, diag);
	qemu->restored_ns = start_ns;
	times->map_ns = kt_now_ns() - start_ns;
	if (!r)
		r = load_state(qemu, deadline_ns, diag);
	if (!r && qemu->vm.ram.private)
		r = kt_ram_follow(&qemu->vm.ram, qemu->process.pid);
	times->devices_ns = kt_now_ns() - start_ns - times->map_ns;
	if (r < 0)
		kt_diag_cause(diag, "%s", strerror(-r));
	return kt_forward(r);
}

static struct kt_qemu *take_blank(const struct kt_vm *like)
{
	struct kt_qemu *qemu = kt_container_of(like->blank, struct kt_qemu, vm);

	qemu->vm.bake = like->bake;
	return qemu;
}

int kt_qemu_restore(struct kt_vm **ret_vm, const struct kt_vm *like, uint64_t deadline_ns,
		    struct kt_diag *diag)
{
	struct kt_qemu *qemu = like->blank ? take_blank(like) : kt_qemu_alloc(like, diag);
	int r;

	if (!qemu)
		return kt_raise(-ENOMEM);
	r = restore(qemu, deadline_ns, diag);
	if (r) {
		kt_qemu_free(&qemu->vm);
		return kt_forward(r);
	}
	qemu->state = KT_QEMU_FROZEN;
	*ret_vm = &qemu->vm;
	return 0;
}

/* ---- facts ---- */

/* Describes the program by size and time of its file; its path does not tell its version. */
static void describe_program(char *buf, size_t size)
{
	const char *dirs = getenv("PATH") ?: "/usr/local/bin:/usr/bin:/bin";
	char path[KT_PATH_MAX];
	struct stat st;

	for (size_t len; *dirs; dirs += len + !!dirs[len]) {
		len = strcspn(dirs, ":");
		if (kt_path_format(path, "%.*s/" KT_QEMU_PROGRAM, (int)len, dirs) ||
		    access(path, X_OK) || stat(path, &st) || !S_ISREG(st.st_mode))
			continue;
		snprintf(buf, size, "%llu bytes of %lld.%09ld", (unsigned long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		return;
	}
	snprintf(buf, size, "none");
}

#define CPUINFO_BYTES 8192 /* enough for the first CPU */

/* The value of a line of /proc/cpuinfo; "" if there is no such line. */
static void cpuinfo_line(const char *text, const char *key, const char **ret, size_t *ret_len)
{
	const char *line = strstr(text, key);
	const char *colon = line ? strchr(line, ':') : NULL;

	*ret = colon ? colon + 1 + strspn(colon + 1, " ") : "";
	*ret_len = strcspn(*ret, "\n");
}

static int describe_host(char *buf, size_t size)
{
	_cleanup_(kt_closep) int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
	char text[CPUINFO_BYTES];
	const char *model, *flags;
	size_t model_len, flags_len;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return kt_raise(-errno);
	text[n] = '\0';
	cpuinfo_line(text, "model name", &model, &model_len);
	cpuinfo_line(text, "\nflags", &flags, &flags_len);
	snprintf(buf, size, "%.*s, flags %016llx", (int)KT_MIN(model_len, (size_t)64), model,
		 (unsigned long long)XXH3_64bits(flags, flags_len));
	return 0;
}

/*
 * The guest's TSC is the host's, so a host with another frequency would change the guest's
 * clock. The frequency is measured to some 50 ppm, and compared in steps of 50 MHz.
 */
int kt_qemu_add_facts(json_t *facts, const struct kt_vm_config *config)
{
	char program[64], host[128], tsc[32];
	int r = describe_host(host, sizeof(host));

	describe_program(program, sizeof(program));
	if (r)
		return kt_forward(r);
	snprintf(tsc, sizeof(tsc), "%u MHz",
		 config->counted ? 0 : (kt_qemu_tsc_khz() + 25000) / 50000 * 50);
	if (json_object_set_new(facts, "QEMU", json_string(program)) ||
	    json_object_set_new(facts, "host CPU", json_string(host)) ||
	    json_object_set_new(facts, "host TSC", json_string(tsc)))
		return kt_raise(-ENOMEM);
	return 0;
}
