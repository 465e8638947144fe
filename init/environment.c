/* SPDX-License-Identifier: GPL-2.0-only */
/* Environment variables of staged programs; see environment.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/environment.h"
#include "proto/staging.h"

#define LIBRARY_PATH_MAX 4096

void kt_environment_library_path(void)
{
	_cleanup_(kt_closep) int fd =
		open(KT_STAGING "/" KT_STAGING_LIBRARY_PATH, O_RDONLY | O_CLOEXEC);
	char path[LIBRARY_PATH_MAX];
	ssize_t n = fd >= 0 ? read(fd, path, sizeof(path) - 1) : 0;

	path[n > 0 ? n : 0] = 0;
	if (n > 0 && setenv("LD_LIBRARY_PATH", path, 1))
		_exit(125);
}
