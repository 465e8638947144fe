/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths of programs on the host; see paths.h. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "machine/stage/paths.h"
#include "ops/names.h"

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

	if (env && env[0])
		return kt_forward(kt_path_format(buf, "%s", env));
	KT_TRY(root_beside_program(buf));
	KT_TRY(kt_path_format(probe, "%s/init/ktest-init", buf));
	if (!access(probe, R_OK))
		return 0;
	return kt_forward(kt_path_format(buf, "%s", KTEST_LIBEXECDIR));
}

static int find_program(char *buf, const char *folder, const char *name)
{
	char root[KT_PATH_MAX];

	KT_TRY(find_root(root));
	KT_TRY(kt_path_format(buf, "%s/%s/%s", root, folder, name));
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

/* Schedulers have the prefix; what the build makes them of has a suffix, too. */
static int is_scheduler(const struct dirent *e)
{
	return !strncmp(e->d_name, "scx_", 4) && !strchr(e->d_name, '.');
}

/* The names of ktest's schedulers; "": their folder cannot be read. */
static void list_schedulers(char names[KT_NAMES_TEXT_MAX])
{
	char folder[KT_PATH_MAX];
	struct dirent **list;
	int count;

	names[0] = 0;
	if (find_program(folder, "schedulers", "."))
		return;
	count = scandir(folder, &list, is_scheduler, alphasort);
	for (int i = 0; i < count; i++) {
		kt_names_add(names, list[i]->d_name);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
}

int kt_paths_scheduler(char *buf, const char *binary, struct kt_diag *diag)
{
	char names[KT_NAMES_TEXT_MAX];
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
		list_schedulers(names);
		kt_diag_remedy(diag, "ktest has: %s; give another by a path with a '/'",
			       names[0] ? names : "none");
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
	return kt_fail(diag, KT_PATHS_E_NONE, "%s", where);
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
	int r;

	KT_TRY(kt_path_format(parent, "%.*s.", (int)(basename(name) - name), name));
	dir = realpath(parent, NULL);
	if (!dir || access(name, F_OK))
		return not_found(name, strerror(errno), diag);
	r = kt_path_format(path, "%s/%s", strcmp(dir, "/") ? dir : "", basename(name));
	if (r || is_program(path))
		return kt_forward(r);
	kt_diag_doing(diag, "take program '%s' into the guest", name);
	return kt_fail(diag, KT_PATHS_E_UNFIT, "it is not a file that can be executed");
}

int kt_paths_program(char *path, const char *name, struct kt_diag *diag)
{
	if (!name[0])
		return not_found(name, strerror(ENOENT), diag);
	return kt_forward(strchr(name, '/') ? find_by_path(path, name, diag) :
					      find_in_path(path, name, diag));
}
