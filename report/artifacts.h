/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The artefacts of one run, in its own folder. Files are written during the run, so that
 * they survive a crash of ktest. The first failed write becomes a diagnostic, which ends
 * the run as a host error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/limits.h"

#define KT_ARTIFACTS_CONSOLE "console.log"
#define KT_ARTIFACTS_EVENTS  "events.jsonl"

struct kt_artifacts {
	char dir[KT_PATH_MAX];
	struct kt_artifact_file {
		char name[KT_NAME_MAX + 16];
		size_t bytes; /* bytes from the guest */
		bool full;    /* further bytes are dropped */
	} * files;	      /* owned: files that grow during the run */
	size_t file_count;
	size_t guest_bytes;   /* bytes from the guest in all files and in events */
	unsigned int events;  /* lines of events; KT_EVENTS_MAX + 1: some were dropped */
	struct kt_diag error; /* the first failed write */
};

/*
 * Creates the folder "<base>/<UTC time>-<name>-<n>" with the first free n; base NULL:
 * "$XDG_STATE_HOME/ktest/runs". Negative errno with diag.
 */
int kt_artifacts_open(struct kt_artifacts *ret_artifacts, const char *base, const char *name,
		      struct kt_diag *diag) _kt_must_check_;
void kt_artifacts_close(struct kt_artifacts *a);

/* Whether a write has failed; a->error has the diagnostic. */
bool kt_artifacts_failed(const struct kt_artifacts *a);

/* Appends len bytes to the file `name` of the folder; creates the file if absent. */
void kt_artifacts_append(struct kt_artifacts *a, const char *name, const void *data, size_t len);
/*
 * Appends bytes from the guest: at most KT_CONSOLE_MAX or KT_LOG_MAX bytes per file and
 * KT_ARTIFACTS_MAX bytes in all files. A note replaces the bytes beyond.
 */
void kt_artifacts_append_guest(struct kt_artifacts *a, const char *name, const void *data,
			       size_t len);
/*
 * Appends a line to events.jsonl. An event "dropped" replaces all events beyond
 * KT_EVENTS_MAX lines or KT_ARTIFACTS_MAX bytes. Takes over the reference.
 */
void kt_artifacts_event(struct kt_artifacts *a, json_t *event);
/* Writes the file `name`, which may be in one sub-folder. mode: as of open(2). */
void kt_artifacts_write(struct kt_artifacts *a, const char *name, const void *data, size_t len,
			unsigned int mode);
/* Writes json, indented, to the file `name`. Takes over the reference. */
void kt_artifacts_write_json(struct kt_artifacts *a, const char *name, json_t *json);
