/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a benchmark or the gate found, as a file: `{kind, samples, traces}` in
 * JSON, with what it was measured on. Each sample says all of itself, so that
 * one line of it is a fact. A file that is read may be anything: what is in it
 * is checked for type, form and bounds, and shown only as printable ASCII.
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
	bool complete;	       /* false: it was cut short */
	char axis[KT_TAG_MAX]; /* what the levels count: "slots", "machines", "vcpus" */
	struct kt_levels levels;
	unsigned int repeats; /* wanted of each level; cycles of each cell */
	uint64_t seed;
	uint64_t time_s;		     /* CLOCK_REALTIME of the start */
	char commit[KT_TAG_MAX];	     /* of ktest */
	char accel[KT_TAG_MAX];		     /* what ran the machines */
	char topology[KT_TOPOLOGY_TEXT_MAX]; /* of one machine at level 1 */
	struct {
		char cpu[KT_TAG_MAX];	  /* model */
		char release[KT_TAG_MAX]; /* of its kernel */
		unsigned int cpus;	  /* that ktest may use */
		uint64_t memory_bytes;
	} host;
	struct {
		char path[KT_TEXT_MAX]; /* "": none, a guest of ktest's own */
		char release[KT_TAG_MAX];
		char build_id[KT_TAG_MAX];
	} kernel;
	struct kt_samples samples; /* owned */
};

/* All that is known before anything was measured: host, commit, time. */
void kt_measured_init(struct kt_measured *ret_measured, enum kt_measured_kind kind);
void kt_measured_deinit(struct kt_measured *measured);

/* Copies text that may be anything: cut to size, and '?' for what is not printable ASCII. */
void kt_measured_text(char *ret_text, size_t size, const char *text);

/* Appends the JSON text. */
int kt_measured_format(struct kt_buf *out, const struct kt_measured *measured) _kt_must_check_;
/* Creates or replaces the file as a whole. Negative errno with diag. */
int kt_measured_write(const char *path, const struct kt_measured *measured,
		      struct kt_diag *diag) _kt_must_check_;

enum kt_measured_condition {
	KT_MEASURED_E_FORM = KT_CONDITION(MEASURED), /* not such a file, or of another version */
};

/* FORM with a cause that names the part; -ENOMEM. */
int kt_measured_parse(struct kt_measured *ret_measured, const void *text, size_t len,
		      struct kt_diag *diag) _kt_must_check_;
/* The same from a file; negative errno with diag if it cannot be read. */
int kt_measured_read(struct kt_measured *ret_measured, const char *path,
		     struct kt_diag *diag) _kt_must_check_;
