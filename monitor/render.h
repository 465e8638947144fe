/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A typed value as a tree, in JSON or as text. Structs are objects, with the members of anonymous
 * structs as their own; data sections are objects of variables; arrays of char that hold a text
 * are strings; an enum is the name of its value; a pointer is its address with the symbol that
 * it leads to, "0xffffffff81000100 (run+0x10)". An integer beyond a signed one of 64 bits is a
 * string of digits. What cannot be shown is null.
 *
 * Types and bytes may be hostile: the tree has at most KT_RENDER_VALUES_MAX values in at most
 * KT_RENDER_DEPTH_MAX levels, and what is left out is said: "... 1000 more".
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "monitor/kernel/symbols.h"
#include "monitor/typed.h"

#define KT_RENDER_VALUES_MAX   20000
#define KT_RENDER_ELEMENTS_MAX 1024 /* of one array, struct or section */
#define KT_RENDER_DEPTH_MAX    16

/* *ret_json: new reference. symbols: for pointers; NULL: addresses alone. -ENOMEM. */
int kt_render_json(json_t **ret_json, const struct kt_typed *value,
		   const struct kt_symbols *symbols) _kt_must_check_;

/*
 * Appends the tree as text: "{hits: 77, mode: MODE_ON, table: [10, 20], name: "abc"}". -ENOMEM,
 * -ENOBUFS.
 */
int kt_render_text(struct kt_buf *out, const struct kt_typed *value,
		   const struct kt_symbols *symbols) _kt_must_check_;
