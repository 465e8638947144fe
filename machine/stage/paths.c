/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding ktest's guest programs; see paths.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
