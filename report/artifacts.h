/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder of one run. Files are written as things happen, so that a crash of
 * ktest leaves what was there. A write that fails is remembered, not lost: the
 * first failure is kept as a diagnostic and the run ends as a host error.
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
		size_t bytes; /* of what the guest said */
		bool full;    /* the rest is dropped */
	} * files;	      /* owned: those that are appended to */
	size_t file_count;
	size_t guest_bytes;   /* in all of them, and in its events */
	unsigned int events;  /* KT_EVENTS_MAX + 1: and some were dropped */
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

/* Appends to a file of the folder, creating it at first. */
void kt_artifacts_append(struct kt_artifacts *a, const char *name, const void *data, size_t len);
/*
 * The same for what a guest says: at most KT_CONSOLE_MAX or KT_LOG_MAX bytes go into the
 * file, and KT_ARTIFACTS_MAX into all of them; a note takes the place of the rest.
 */
void kt_artifacts_append_guest(struct kt_artifacts *a, const char *name, const void *data,
			       size_t len);
/*
 * Appends a line to the events of the guest. Beyond KT_EVENTS_MAX of them, or
 * KT_ARTIFACTS_MAX bytes, an event "dropped" is the last one. Takes over the reference.
 */
void kt_artifacts_event(struct kt_artifacts *a, json_t *event);
/* Writes a file as a whole; name may have one folder in it. mode as of open(2). */
void kt_artifacts_write(struct kt_artifacts *a, const char *name, const void *data, size_t len,
			unsigned int mode);
/* The same for an indented JSON value. Takes over the reference. */
void kt_artifacts_write_json(struct kt_artifacts *a, const char *name, json_t *json);
