/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder of one run. Files are written as things happen, so that a crash of
 * ktest leaves what was there. A write that fails is remembered, not lost: the
 * first failure is kept as a diagnostic and the run ends as a host error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"

#define KT_ARTIFACT_FILES_MAX 64

struct kt_artifacts {
	char dir[KT_PATH_MAX];
	struct kt_artifact_file {
		char name[KT_NAME_MAX + 16];
		int fd;
		size_t bytes; /* written so far */
	} files[KT_ARTIFACT_FILES_MAX];
	unsigned int file_count;
	struct kt_diag error; /* set once a write has failed */
};

/*
 * Creates "<base>/<UTC time>-<name>-<n>" with the first n that is free; base
 * NULL: "$XDG_STATE_HOME/ktest/runs". Negative errno with diag.
 */
int kt_artifacts_open(struct kt_artifacts *ret_artifacts, const char *base, const char *name,
		      struct kt_diag *diag) _kt_must_check_;
void kt_artifacts_close(struct kt_artifacts *a);

/* Whether a write has failed; diag of it in a->error. */
bool kt_artifacts_failed(const struct kt_artifacts *a);

/*
 * Appends to a file of the folder, creating it at first. At most max_bytes go
 * into it (0: no limit); the first byte beyond is replaced by a note.
 */
void kt_artifacts_append(struct kt_artifacts *a, const char *name, const void *data, size_t len,
			 size_t max_bytes);
/* Appends a JSON value and a newline. Takes over the reference. */
void kt_artifacts_append_json(struct kt_artifacts *a, const char *name, json_t *json);
/* Writes a file as a whole; name may have one folder in it. mode as of open(2). */
void kt_artifacts_write(struct kt_artifacts *a, const char *name, const void *data, size_t len,
			unsigned int mode);
/* The same for an indented JSON value. Takes over the reference. */
void kt_artifacts_write_json(struct kt_artifacts *a, const char *name, json_t *json);
