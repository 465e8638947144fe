/* SPDX-License-Identifier: GPL-2.0-only */
/* Looking up the program of a command; see program.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "machine/stage/paths.h"
#include "machine/stage/program.h"

static const char *find_staged(const struct kt_stage_files *files, const char *name)
{
	for (unsigned int i = 0; i < files->count; i++) {
		const char *guest = files->list[i].guest;

		if (!strcmp(strchr(name, '/') ? guest : basename(guest), name))
			return guest;
	}
	return NULL;
}

static int stage(struct kt_stage_files *files, const char *path, struct kt_diag *diag)
{
	char text[2 * KT_PATH_MAX];
	int r;

	if (find_staged(files, path))
		return 0;
	snprintf(text, sizeof(text), "%s:%s", path, path);
	r = kt_stage_files_add(files, text, diag);
	return r > 0 ? KT_EXEC_PROGRAM_E_UNFIT : kt_forward(r);
}

/* Reads the interpreter from "#! /bin/sh -e"; false: not a script. */
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
	r = kt_paths_program(path, name, diag);
	if (r > 0)
		return r == KT_PATHS_E_NONE ? KT_EXEC_PROGRAM_E_NONE : KT_EXEC_PROGRAM_E_UNFIT;
	if (!r)
		r = stage(files, path, diag);
	if (!r && read_interpreter(interpreter, path))
		r = stage(files, interpreter, diag);
	return kt_forward(r);
}
