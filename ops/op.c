/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Describes and validates ops; see op.h. Every rule for a field follows from the op's row in
 * op-table.h, so that a field that no row takes is refused in every op. Names are checked
 * against the scenario; whether the machine has a CPU or a cgroup shows in the guest.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "ops/op.h"

#define CPUS_FIELDS(F, T) \
	F(T, kind, NUMBER) F(T, list, TEXT) F(T, index, NUMBER) F(T, count, NUMBER)
KT_FIELDS(kt_cpus, CPUS_FIELDS);

/* clang-format off */
#define OP_FIELDS(F, T) \
	F(T, kind, NUMBER) F(T, sched, TEXT) F(T, pause_ns, NUMBER) F(T, cgroup, TEXT) \
	F(T, other, TEXT) F(T, workers, TEXT) F(T, program, TEXT) F(T, timeout_ns, NUMBER) \
	F(T, cpus, STRUCT, kt_cpus) F(T, value, NUMBER) F(T, more, NUMBER) F(T, expect, NUMBER)
KT_FIELDS(kt_op, OP_FIELDS);

#define USE(kind, member, ...) { kind, offsetof(struct kt_op, member), #member, __VA_ARGS__ }
#define SCHED	USE(KT_OP_USE_SCHED, sched, "scheduler")
#define WORKERS	USE(KT_OP_USE_WORKERS, workers, "workers")
#define PROGRAM	USE(KT_OP_USE_PROGRAM, program, "program")
#define CGROUP	USE(KT_OP_USE_CGROUP, cgroup, "path")
#define OTHER	USE(KT_OP_USE_CGROUP, other, "path2")
#define CPUS	USE(KT_OP_USE_CPUS, cpus, "set")
#define FURTHER(member, ...)		    USE(KT_OP_USE_NUMBER, member, NULL, __VA_ARGS__)
#define NUMBER(member, argument, ...)	    USE(KT_OP_USE_NUMBER, member, #argument, __VA_ARGS__)
#define NUMBER_OR_0(member, argument, ...) NUMBER(member, argument, __VA_ARGS__, true)
#define ROW(id, name, executor, flags, doc, ...) \
	[KT_OP_KIND_##id] = { #id, name, doc, flags, \
			      (const struct kt_op_use[]){ __VA_ARGS__ __VA_OPT__(,) { 0 } } },
static const struct kt_op_row rows[KT_OP_KIND_COUNT_] = { KT_OP_TABLE(ROW) };
/* clang-format on */

const struct kt_op_row *kt_op_row(unsigned int kind)
{
	return kind < KT_OP_KIND_COUNT_ && rows[kind].name ? &rows[kind] : NULL;
}

const char *kt_op_kind_name(enum kt_op_kind kind)
{
	const struct kt_op_row *row = kt_op_row(kind);

	return row ? row->name : "unknown";
}

bool kt_cgroup_is_name(const char *path)
{
	size_t len = path ? strlen(path) : 0;
	char before = '/';

	for (size_t i = 0; i < len; before = path[i++])
		if (!(path[i] >= 'a' && path[i] <= 'z') && !(path[i] >= '0' && path[i] <= '9') &&
		    path[i] != '_' && (path[i] != '/' || before == '/'))
			return false;
	return len && before != '/' && len < KT_CGROUP_PATH_MAX;
}

static int invalid(struct kt_diag *diag, const struct kt_op *op, const char *what, const char *name,
		   const char *remedy)
{
	kt_diag_cause(diag, "op %s %s '%s'", kt_op_kind_name(op->kind), what, name ? name : "");
	kt_diag_remedy(diag, "%s", remedy);
	return KT_OP_E_INVALID;
}

static int validate_name(const struct kt_op *op, const struct kt_op_use *use, const char *name,
			 const struct kt_op_scope *scope, struct kt_diag *diag)
{
	switch (use->kind) {
	case KT_OP_USE_SCHED:
		if (name && scope->is_staged(name, scope->arg))
			return 0;
		return invalid(diag, op,
			       "names a scheduler that the scenario does not stage:", name,
			       "declare it in .sched or .staged");
	case KT_OP_USE_WORKERS:
		if (name && scope->is_declared(name, scope->arg))
			return 0;
		return invalid(diag, op, "names workers that the scenario does not declare:", name,
			       "declare them in .workers");
	case KT_OP_USE_PROGRAM:
		if (name && scope->is_program(name, scope->arg))
			return 0;
		return invalid(diag, op,
			       "names a program that the scenario does not declare:", name,
			       "declare it in .programs");
	default:
		if (kt_cgroup_is_name(name))
			return 0;
		return invalid(diag, op, "names a malformed cgroup:", name,
			       "use parts of a-z, 0-9 and _, with a / between them");
	}
}

/* Prints a bound; times, in ns, are printed in s or ms. */
static void format_bound(const struct kt_op_use *use, int64_t v, char buf[24])
{
	const char *name = use->argument ?: use->member;
	long long n = v;

	if (n && !strcmp(name + strlen(name) - 2, "ns"))
		snprintf(buf, 24, n % 1000000000 ? "%lld ms" : "%lld s",
			 n / (n % 1000000000 ? 1000000 : 1000000000));
	else
		snprintf(buf, 24, "%lld", n);
}

char *kt_op_use_format(const struct kt_op_use *use, char buf[KT_OP_USE_TEXT_MAX])
{
	char min[24], max[24];

	format_bound(use, use->min, min);
	format_bound(use, use->max, max);
	snprintf(buf, KT_OP_USE_TEXT_MAX, use->max < INT64_MAX ? "%sfrom %s to %s" : "%sfrom %s",
		 use->or_0 ? "0, or " : "", min, max);
	return buf;
}

static int validate_number(const struct kt_op *op, const struct kt_op_use *use, int64_t value,
			   struct kt_diag *diag)
{
	char bounds[KT_OP_USE_TEXT_MAX];

	if ((value >= use->min && value <= use->max) || (use->or_0 && !value))
		return 0;
	kt_diag_cause(diag, "op %s is given .%s = %lld", kt_op_kind_name(op->kind), use->member,
		      (long long)value);
	kt_diag_remedy(diag, "it takes %s", kt_op_use_format(use, bounds));
	return KT_OP_E_INVALID;
}

static int validate_unused(const struct kt_op *op, const struct kt_field *field,
			   struct kt_diag *diag)
{
	if (!kt_field_is_set(field, op))
		return 0;
	kt_diag_cause(diag, "op %s is given .%s, which it does not take", kt_op_kind_name(op->kind),
		      field->name);
	kt_diag_remedy(diag, "leave it out; docs/scenarios.md lists the fields of each op");
	return KT_OP_E_INVALID;
}

/* A scheduler causes no fault of init or of the host, so that no op can expect one. */
static int validate_expected(const struct kt_op *op, struct kt_diag *diag)
{
	if (op->expect < KT_OP_ERROR_COUNT_ && op->expect != KT_OP_INTERNAL &&
	    op->expect != KT_OP_FREEZE_FAILED)
		return 0;
	kt_diag_cause(diag, "op %s is expected to end in '%s'", kt_op_kind_name(op->kind),
		      kt_op_error_name(op->expect));
	kt_diag_remedy(diag, "expect an error that a scheduler can cause");
	return KT_OP_E_INVALID;
}

static int validate_field(const struct kt_op *op, const struct kt_field *field,
			  const struct kt_op_scope *scope, struct kt_diag *diag)
{
	const char *at = (const char *)op + field->offset;
	const struct kt_op_use *use = rows[op->kind].uses;

	if (field->offset == offsetof(struct kt_op, kind))
		return 0;
	if (field->offset == offsetof(struct kt_op, expect))
		return validate_expected(op, diag);
	while (use->kind && use->offset != field->offset)
		use++;
	switch (use->kind) {
	case KT_OP_USE_END:
		return validate_unused(op, field, diag);
	case KT_OP_USE_NUMBER:
		return validate_number(op, use, kt_field_number(field, op), diag);
	case KT_OP_USE_CPUS:
		if (op->cpus.kind < KT_CPUS_KIND_COUNT_)
			return 0;
		return invalid(diag, op, "has a set of CPUs of no kind:", NULL,
			       "use a KT_CPUS_*() of ops/cpus.h");
	default:
		return validate_name(op, use, *(const char *const *)at, scope, diag);
	}
}

int kt_op_validate(const struct kt_op *op, const struct kt_op_scope *scope, struct kt_diag *diag)
{
	int r = 0;

	if (!kt_op_row(op->kind)) {
		kt_diag_cause(diag, "op of unknown kind %d", (int)op->kind);
		return KT_OP_E_INVALID;
	}
	for (const struct kt_field *f = kt_op_fields.list; f->name && !r; f++)
		r = validate_field(op, f, scope, diag);
	return kt_forward(r);
}
