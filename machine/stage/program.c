/* SPDX-License-Identifier: GPL-2.0-only */
/* Looking up the program of a command; see exec-program.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "machine/stage/program.h"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *find_staged(const struct kt_stage_files *files, const char *name)
{
	for (unsigned int i = 0; i < files->count; i++) {
		const char *guest = files->list[i].guest;

		if (!strcmp(strchr(name, '/') ? guest : last_part(guest), name))
			return guest;
	}
	return NULL;
}

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static int not_found(const char *name, const char *where, struct kt_diag *diag)
{
	kt_diag_doing(diag, "find program '%s'", name);
	kt_diag_cause(diag, "%s", where);
	return KT_EXEC_PROGRAM_E_NONE;
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
	return not_found(name, "it is in no folder of PATH on the host", diag);
}

/* The folder in full, the last part as it was given: it may be a link that tells by its name. */
static int find_by_path(char *path, const char *name, struct kt_diag *diag)
{
	_cleanup_(kt_freep) char *dir = NULL;
	char parent[KT_PATH_MAX];
	int r = kt_path_format(parent, "%.*s.", (int)(last_part(name) - name), name);

	if (r)
		return kt_forward(r);
	dir = realpath(parent, NULL);
	if (!dir || access(name, F_OK))
		return not_found(name, strerror(errno), diag);
	r = kt_path_format(path, "%s/%s", strcmp(dir, "/") ? dir : "", last_part(name));
	if (r || is_program(path))
		return kt_forward(r);
	kt_diag_doing(diag, "take program '%s' into the guest", name);
	kt_diag_cause(diag, "it is not a file that can be executed");
	return KT_EXEC_PROGRAM_E_UNFIT;
}

int kt_exec_program_find(char *path, const char *name, struct kt_diag *diag)
{
	return kt_forward(strchr(name, '/') ? find_by_path(path, name, diag) :
					      find_in_path(path, name, diag));
}

static int stage(struct kt_stage_files *files, const char *path, struct kt_diag *diag)
{
	char text[2 * KT_PATH_MAX];

	if (find_staged(files, path))
		return 0;
	snprintf(text, sizeof(text), "%s:%s", path, path);
	return kt_stage_files_add(files, text, diag) > 0 ? KT_EXEC_PROGRAM_E_UNFIT : 0;
}

/* "#! /bin/sh -e": the interpreter; false if it is no script. */
static bool read_interpreter(char *interpreter, const char *path)
{
	_cleanup_(kt_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[256];
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	const char *at;

	line[n > 0 ? n : 0] = 0;
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return false;
	at = line + 2 + strspn(line + 2, " \t");
	snprintf(interpreter, KT_PATH_MAX, "%.*s", (int)strcspn(at, " \t\n"), at);
	return interpreter[0] == '/';
}

int kt_exec_program(char *path, struct kt_stage_files *files, const char *name,
		    struct kt_diag *diag)
{
	const char *staged = find_staged(files, name);
	char interpreter[KT_PATH_MAX];
	int r;

	path[0] = 0;
	if (name[0] == ':')
		return 0;
	if (staged)
		return kt_forward(kt_path_format(path, "%s", staged));
	if (!name[0])
		return not_found(name, strerror(ENOENT), diag);
	r = kt_exec_program_find(path, name, diag);
	if (!r)
		r = stage(files, path, diag);
	if (!r && read_interpreter(interpreter, path))
		r = stage(files, interpreter, diag);
	return kt_forward(r);
}
