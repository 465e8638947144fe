/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel's types by its BTF: where a member is in a struct, how large it is, what it is.
 *
 * What one view needs of the kernel is a group: a list of paths such as
 * "rq.scx.local_dsq.list". Groups are resolved once per kernel. A kernel that lacks one of a
 * group's paths lacks the group, and every other group stands on its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>

#include "base/diag.h"
#include "base/error.h"

enum kt_types_condition {
	KT_TYPES_E_BAD = KT_CONDITION(TYPES), /* not BTF; with diag */
	KT_TYPES_E_NONE, /* no such type, member or constant; with diag, which names it */
};

/* A member of a struct, at whatever depth. */
struct kt_place {
	uint32_t offset;   /* from the start of the outermost struct, bytes */
	uint32_t size;	   /* bytes; of a bit field: of the bytes that have its bits */
	uint8_t bit_shift; /* of a bit field: bits below it in its first byte */
	uint8_t bit_size;  /* 0: not a bit field */
	bool is_signed;
	bool is_pointer;
	uint32_t type_id; /* of the member, as declared */
	const char *path; /* borrowed; of a group: its text, static; else NULL */
};

struct kt_types;

/* Takes over btf, also when it fails. */
int kt_types_new(struct kt_types **ret_types, struct btf *btf) _kt_must_check_;
struct kt_types *kt_types_free(struct kt_types *types); /* returns NULL */

const struct btf *kt_types_btf(const struct kt_types *types); /* borrowed */

/* The struct or union with this name. KT_TYPES_E_NONE. */
int kt_types_struct(const struct kt_types *types, const char *name, uint32_t *ret_id,
		    struct kt_diag *diag) _kt_must_check_;
int kt_types_size(const struct kt_types *types, const char *name, uint32_t *ret_bytes,
		  struct kt_diag *diag) _kt_must_check_;

/*
 * The place of a path: the name of a struct or union, then members and indices, as in
 * "xa_node.slots[3]". Members of anonymous members count as the struct's own. KT_TYPES_E_NONE.
 */
int kt_types_place(const struct kt_types *types, const char *path, struct kt_place *ret_place,
		   struct kt_diag *diag) _kt_must_check_;
/* The same for a path without the struct's name: "scx.flags" in the type of this id. */
int kt_types_member(const struct kt_types *types, uint32_t id, const char *path,
		    struct kt_place *ret_place, struct kt_diag *diag) _kt_must_check_;

/* The type that a pointer or an array's elements have; 0: none, or void. */
uint32_t kt_types_target(const struct kt_types *types, uint32_t id);

/* The value of an enumerator of any enum. KT_TYPES_E_NONE. */
int kt_types_constant(const struct kt_types *types, const char *name, int64_t *ret_value,
		      struct kt_diag *diag) _kt_must_check_;
/*
 * The name of the enumerator with this value in the enum with this name, borrowed; NULL: there is
 * none.
 */
const char *kt_types_enumerator(const struct kt_types *types, const char *name, int64_t value);

#define KT_LACKS_MAX 192 /* bytes with 0 of the text that says what a kernel lacks */

/* What one view needs: a range of a list of paths. Static. */
struct kt_group {
	const char *name;	 /* "scx core" */
	unsigned int first, end; /* indices of its paths, without the last */
};

/*
 * Resolves the paths of count groups into ret_places, which has the order of `paths`. A path may
 * have alternatives, of which the first that the kernel has counts: "cfs_rq.h_nr_queued|
 * cfs_rq.h_nr_running". ret_lacks[i]: "" or why the kernel lacks group i, "the kernel lacks
 * 'scx core': struct rq has no member scx"; then none of the group's places may be used.
 */
void kt_types_resolve(const struct kt_types *types, const char *const *paths,
		      const struct kt_group *groups, size_t count, struct kt_place *ret_places,
		      char (*ret_lacks)[KT_LACKS_MAX]);
