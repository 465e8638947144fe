/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports: the results of a benchmark or of the gate as a JSON file `{kind, samples,
 * traces}`, with the description of host and guest. Each sample carries all its tags, so
 * that a single line can be quoted. A report that is read is untrusted: types, form and
 * bounds are checked, and texts are reduced to printable ASCII.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/error.h"
#include "proto/topology.h"
#include "measure/samples.h"

#define KT_MEASURED_VERSION   1
#define KT_MEASURED_BYTES_MAX (128u << 20) /* of the file */

enum kt_measured_kind {
	KT_MEASURED_DENSITY,
	KT_MEASURED_RESTORE,
	KT_MEASURED_EXEC,
	KT_MEASURED_BOOT,
	KT_MEASURED_GATE,
	KT_MEASURED_KIND_COUNT_,
};

/* "bench-density", ..., "gate-restore"; static. */
const char *kt_measured_kind_name(enum kt_measured_kind kind);

struct kt_measured {
	enum kt_measured_kind kind;
	bool complete;	       /* false: the measurement was cut short */
	char axis[KT_TAG_MAX]; /* unit of the levels: "slots", "machines", "vcpus" */
	struct kt_levels levels;
	unsigned int repeats; /* requested per level; gate: cycles per cell */
	uint64_t seed;
	uint64_t time_s;		     /* CLOCK_REALTIME of the start */
	char commit[KT_TAG_MAX];	     /* of ktest */
	char accel[KT_TAG_MAX];		     /* accelerator of the machines */
	char topology[KT_TOPOLOGY_TEXT_MAX]; /* of a machine at level 1 */
	struct {
		char cpu[KT_TAG_MAX];	  /* model */
		char release[KT_TAG_MAX]; /* of the host's kernel */
		unsigned int cpus;	  /* usable by ktest */
		uint64_t memory_bytes;
	} host;
	struct {
		char path[KT_TEXT_MAX]; /* "": no Linux; the gate's own guest */
		char release[KT_TAG_MAX];
		char build_id[KT_TAG_MAX];
	} kernel;
	struct kt_samples samples; /* owned */
};

/* Fills in host, commit and time; everything else is 0. */
void kt_measured_init(struct kt_measured *ret_measured, enum kt_measured_kind kind);
void kt_measured_deinit(struct kt_measured *measured);

/*
 * Copies an untrusted text: cuts the copy to size, and replaces bytes that are not printable ASCII
 * with '?'.
 */
void kt_measured_text(char *ret_text, size_t size, const char *text);

/* Appends the report as JSON. Negative errno only. */
int kt_measured_format(struct kt_buf *out, const struct kt_measured *measured) _kt_must_check_;
/* Creates or replaces the file atomically. Negative errno with diag. */
int kt_measured_write(const char *path, const struct kt_measured *measured,
		      struct kt_diag *diag) _kt_must_check_;

enum kt_measured_condition {
	KT_MEASURED_E_FORM = KT_CONDITION(MEASURED), /* not a report, or of another version */
};

/* Returns 0, KT_MEASURED_E_FORM with diag naming the malformed part, or -ENOMEM. */
int kt_measured_parse(struct kt_measured *ret_measured, const void *text, size_t len,
		      struct kt_diag *diag) _kt_must_check_;
/* Parses a file: as kt_measured_parse(), or negative errno with diag if reading fails. */
int kt_measured_read(struct kt_measured *ret_measured, const char *path,
		     struct kt_diag *diag) _kt_must_check_;
