/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths of programs on the host; see paths.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "machine/stage/paths.h"

static int root_beside_program(char *buf)
{
	char exe[KT_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n < 0)
		return kt_raise(-errno);
	exe[n] = 0;
	/* <build>/cli/ktest */
	for (int i = 0; i < 2 && strrchr(exe, '/'); i++)
		*strrchr(exe, '/') = 0;
	return kt_forward(kt_path_format(buf, "%s", exe));
}

static int find_root(char *buf)
{
	const char *env = getenv("KTEST_LIBEXEC");
	char probe[KT_PATH_MAX];
	int r;

	if (env && env[0])
		return kt_forward(kt_path_format(buf, "%s", env));
	r = root_beside_program(buf);
	if (!r)
		r = kt_path_format(probe, "%s/init/ktest-init", buf);
	if (r)
		return kt_forward(r);
	if (!access(probe, R_OK))
		return 0;
	return kt_forward(kt_path_format(buf, "%s", KTEST_LIBEXECDIR));
}

static int find_program(char *buf, const char *folder, const char *name)
{
	char root[KT_PATH_MAX];
	int r = find_root(root);

	if (!r)
		r = kt_path_format(buf, "%s/%s/%s", root, folder, name);
	if (r)
		return kt_forward(r);
	return access(buf, R_OK) ? KT_PATHS_E_NONE : 0;
}

static int find_own(char *buf, const char *folder, const char *name, const char *what,
		    struct kt_diag *diag)
{
	int r = find_program(buf, folder, name);

	if (r > 0) {
		kt_diag_doing(diag, "find %s", what);
		kt_diag_cause(diag, "%s: %s", buf, strerror(errno));
		kt_diag_remedy(diag, "build ktest with './dev build', or set KTEST_LIBEXEC");
	}
	return kt_forward(r);
}

int kt_paths_init(char *buf, struct kt_diag *diag)
{
	return kt_forward(find_own(buf, "init", "ktest-init", "the guest init", diag));
}

int kt_paths_gate_guest(char *buf, struct kt_diag *diag)
{
	return kt_forward(
		find_own(buf, "measure/guest", "gate-guest", "the guest of the gate", diag));
}

int kt_paths_bench(char *buf, const char *name, struct kt_diag *diag)
{
	return kt_forward(find_own(buf, "bench", name, "what is measured in a machine", diag));
}

int kt_paths_scheduler(char *buf, const char *binary, struct kt_diag *diag)
{
	int r;

	if (strchr(binary, '/')) {
		r = kt_path_format(buf, "%s", binary);
		if (!r && access(buf, R_OK))
			r = KT_PATHS_E_NONE;
	} else {
		r = find_program(buf, "schedulers", binary);
	}
	if (r > 0) {
		kt_diag_doing(diag, "find scheduler '%s'", binary);
		kt_diag_cause(diag, "%s: %s", buf, strerror(errno));
		kt_diag_remedy(diag, "name an in-tree scheduler, or a binary by a path with a '/'");
	}
	return kt_forward(r);
}

/* ---- programs of the host ---- */

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static int not_found(const char *name, const char *where, struct kt_diag *diag)
{
	kt_diag_doing(diag, "find program '%s'", name);
	kt_diag_cause(diag, "%s", where);
	return KT_PATHS_E_NONE;
}

static int find_in_path(char *path, const char *name, struct kt_diag *diag)
{
	_cleanup_(kt_freep) char *dirs = strdup(getenv("PATH") ?: "/usr/bin:/bin");
	char *rest = dirs;

	if (!dirs)
		return kt_raise(-ENOMEM);
	for (char *dir; (dir = strsep(&rest, ":"));)
		if (dir[0] == '/' && !kt_path_format(path, "%s/%s", dir, name) && is_program(path))
			return 0;
	return not_found(name, "in no folder of PATH on the host", diag);
}

/* Resolves the folder, not the last component: programs like busybox select by that name. */
static int find_by_path(char *path, const char *name, struct kt_diag *diag)
{
	_cleanup_(kt_freep) char *dir = NULL;
	char parent[KT_PATH_MAX];
	int r = kt_path_format(parent, "%.*s.", (int)(basename(name) - name), name);

	if (r)
		return kt_forward(r);
	dir = realpath(parent, NULL);
	if (!dir || access(name, F_OK))
		return not_found(name, strerror(errno), diag);
	r = kt_path_format(path, "%s/%s", strcmp(dir, "/") ? dir : "", basename(name));
	if (r || is_program(path))
		return kt_forward(r);
	kt_diag_doing(diag, "take program '%s' into the guest", name);
	kt_diag_cause(diag, "it is not a file that can be executed");
	return KT_PATHS_E_UNFIT;
}

int kt_paths_program(char *path, const char *name, struct kt_diag *diag)
{
	if (!name[0])
		return not_found(name, strerror(ENOENT), diag);
	return kt_forward(strchr(name, '/') ? find_by_path(path, name, diag) :
					      find_in_path(path, name, diag));
}
