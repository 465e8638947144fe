/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Describes and validates ops; see op.h. Every rule for a field follows from the op's row in
 * op-table.h, so that a field that no row takes is refused in every op. Names and CPUs are checked
 * against the scenario; whether there is a cgroup shows in the guest.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "ops/names.h"
#include "ops/op.h"
#include "ops/worker.h"

/* clang-format off */
#define OP_FIELDS(F, T) \
	F(T, kind, NUMBER) F(T, sched, TEXT) F(T, pause_ns, NUMBER) F(T, cgroup, TEXT) \
	F(T, other, TEXT) F(T, workers, TEXT) F(T, program, TEXT) F(T, timeout_ns, NUMBER) \
	F(T, tunable, TEXT) F(T, text, TEXT) F(T, cpus, STRUCT, kt_cpus) F(T, value, NUMBER) \
	F(T, more, NUMBER) F(T, expect, NUMBER) F(T, expect_text, TEXT)
KT_FIELDS(kt_op, OP_FIELDS);

#define USE(kind, member, ...) { kind, offsetof(struct kt_op, member), #member, __VA_ARGS__ }
#define SCHED	USE(KT_OP_USE_SCHED, sched, "scheduler")
#define WORKERS	USE(KT_OP_USE_WORKERS, workers, "workers")
#define PROGRAM	USE(KT_OP_USE_PROGRAM, program, "program")
#define CGROUP	USE(KT_OP_USE_CGROUP, cgroup, "path")
#define OTHER	USE(KT_OP_USE_CGROUP, other, "path2")
#define CPUS	USE(KT_OP_USE_CPUS, cpus, "set")
#define TUNABLE	USE(KT_OP_USE_TUNABLE, tunable, "name")
#define TEXT(argument)	USE(KT_OP_USE_TEXT, text, #argument)
#define CONTROLLERS	USE(KT_OP_USE_CONTROLLERS, text, "controllers")
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

/* Parts of letters, digits, '_' and '-', with one '.' or '/' between them: no "..", no "/x". */
static bool is_tunable_name(const char *s)
{
	static const char inside[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_-";
	size_t len = s ? strlen(s) : 0, part;

	if (!len || len >= KT_OP_FILE_MAX)
		return false;
	while ((part = strspn(s, inside)) && s[part]) {
		if (s[part] != '.' && s[part] != '/')
			return false;
		s += part + 1;
	}
	return part;
}

static bool is_line(const char *s)
{
	size_t len = s ? strlen(s) : 0;

	for (size_t i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return len && len < KT_OP_TEXT_MAX;
}

/* "+cpu -cpuset" */
static bool is_controllers(const char *s)
{
	size_t len;

	if (!is_line(s))
		return false;
	for (;; s += len + 1) {
		if (*s != '+' && *s != '-')
			return false;
		s++;
		len = strspn(s, "abcdefghijklmnopqrstuvwxyz_");
		if (!len || (s[len] && s[len] != ' '))
			return false;
		if (!s[len])
			return true;
	}
}

static int invalid(struct kt_diag *diag, const struct kt_op *op, const char *what, const char *name,
		   const char *remedy)
{
	kt_diag_cause(diag, "op %s %s '%s'", kt_op_kind_name(op->kind), what, name ? name : "");
	kt_diag_remedy(diag, "%s", remedy);
	return KT_OP_E_INVALID;
}

/* A name of what the scenario declares: `where`, one `what` or more. */
static int validate_declared(const struct kt_op *op, enum kt_op_use_kind kind, const char *name,
			     const struct kt_op_scope *scope, const char *what, const char *where,
			     struct kt_diag *diag)
{
	char names[KT_NAMES_TEXT_MAX] = "";
	const char *declared;

	for (unsigned int i = 0; (declared = scope->name(kind, i, scope->arg)); i++) {
		if (name && !strcmp(name, declared))
			return 0;
		kt_names_add(names, declared);
	}
	if (names[0])
		kt_diag_remedy(diag, "there are: %s; declare others in %s", names, where);
	else
		kt_diag_remedy(diag, "there are none; declare them in %s", where);
	return kt_fail(diag, KT_OP_E_INVALID,
		       "op %s names %s that the scenario does not declare: '%s'",
		       kt_op_kind_name(op->kind), what, name ?: "");
}

static int validate_text(const struct kt_op *op, const struct kt_op_use *use, const char *text,
			 const struct kt_op_scope *scope, struct kt_diag *diag)
{
	switch (use->kind) {
	case KT_OP_USE_SCHED:
		return kt_forward(validate_declared(op, use->kind, text, scope, "a scheduler",
						    ".sched or .staged", diag));
	case KT_OP_USE_WORKERS:
		return kt_forward(
			validate_declared(op, use->kind, text, scope, "workers", ".workers", diag));
	case KT_OP_USE_PROGRAM:
		return kt_forward(validate_declared(op, use->kind, text, scope, "a program",
						    ".programs", diag));
	case KT_OP_USE_TUNABLE:
		if (is_tunable_name(text))
			return 0;
		return invalid(diag, op, "names a malformed file:", text,
			       "use parts of letters, digits, _ and -, with a . or / between them");
	case KT_OP_USE_TEXT:
		if (is_line(text))
			return 0;
		return invalid(diag, op, "writes a malformed text:", text,
			       "use a line of printable ASCII characters that is not empty");
	case KT_OP_USE_CONTROLLERS:
		if (is_controllers(text))
			return 0;
		return invalid(diag, op, "is given malformed controllers:", text,
			       "use names with a + or - before each, and a space between them");
	default:
		if (kt_cgroup_is_name(text))
			return 0;
		return invalid(diag, op, "names a malformed cgroup:", text,
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
	kt_diag_remedy(diag, "it takes %s", kt_op_use_format(use, bounds));
	return kt_fail(diag, KT_OP_E_INVALID, "op %s is given .%s = %lld",
		       kt_op_kind_name(op->kind), use->member, (long long)value);
}

/* A set that the machine does not have is refused unless that is expected; a malformed one is. */
static int validate_cpus(const struct kt_op *op, const struct kt_op_scope *scope,
			 struct kt_diag *diag)
{
	char text[KT_CPUS_TEXT_MAX];

	if (op->cpus.kind >= KT_CPUS_KIND_COUNT_)
		return invalid(diag, op, "has a set of CPUs of no kind:", NULL,
			       "use a KT_CPUS_*() of ops/cpus.h");
	if (op->expect || !kt_cpus_refusal(text, &op->cpus, scope->topo))
		return 0;
	return kt_fail(diag, KT_OP_E_INVALID, "op %s names %s", kt_op_kind_name(op->kind), text);
}

/* What follows from the meaning of an op, and not of one field. */
static int validate_meaning(const struct kt_op *op, const struct kt_op_scope *scope,
			    struct kt_diag *diag)
{
	bool plugs = op->kind == KT_OP_KIND_CPU_OFFLINE || op->kind == KT_OP_KIND_CPU_ONLINE;
	const char *refusal = NULL;
	char text[KT_CPUS_TEXT_MAX], list[24];
	struct kt_cpus one = KT_CPUS_LIST(list);

	snprintf(list, sizeof(list), "%lld", (long long)op->value);
	if (op->kind == KT_OP_KIND_POLICY)
		refusal = kt_policy_refusal(op->value, op->more);
	else if (op->kind == KT_OP_KIND_CORE_COOKIE && scope->topo->threads_per_core < 2)
		refusal = "the topology has one thread per core";
	else if (plugs)
		refusal = kt_cpus_refusal(text, &one, scope->topo);
	if (!refusal || op->expect)
		return 0;
	return kt_fail(diag, KT_OP_E_INVALID, plugs ? "op %s names %s" : "op %s: %s",
		       kt_op_kind_name(op->kind), refusal);
}

static int validate_unused(const struct kt_op *op, const struct kt_field *field,
			   struct kt_diag *diag)
{
	if (!kt_field_is_set(field, op))
		return 0;
	kt_diag_remedy(diag, "leave it out; docs/scenarios.md lists the fields of each op");
	return kt_fail(diag, KT_OP_E_INVALID, "op %s is given .%s, which it does not take",
		       kt_op_kind_name(op->kind), field->name);
}

/* A scheduler causes no fault of init or of the host, so that no op can expect one. */
static int validate_expected(const struct kt_op *op, struct kt_diag *diag)
{
	if (op->expect_text && !op->expect) {
		kt_diag_remedy(diag, "expect an error, too: an op that succeeds has no text");
		return kt_fail(diag, KT_OP_E_INVALID, "op %s is given .expect_text alone",
			       kt_op_kind_name(op->kind));
	}
	if (op->expect < KT_OP_ERROR_COUNT_ && op->expect != KT_OP_INTERNAL &&
	    op->expect != KT_OP_FREEZE_FAILED)
		return 0;
	kt_diag_remedy(diag, "expect an error that a scheduler can cause");
	return kt_fail(diag, KT_OP_E_INVALID, "op %s is expected to end in '%s'",
		       kt_op_kind_name(op->kind), kt_op_error_name(op->expect));
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
	if (field->offset == offsetof(struct kt_op, expect_text))
		return 0;
	while (use->kind && use->offset != field->offset)
		use++;
	switch (use->kind) {
	case KT_OP_USE_END:
		return validate_unused(op, field, diag);
	case KT_OP_USE_NUMBER:
		return validate_number(op, use, kt_field_number(field, op), diag);
	case KT_OP_USE_CPUS:
		return validate_cpus(op, scope, diag);
	default:
		return validate_text(op, use, *(const char *const *)at, scope, diag);
	}
}

int kt_op_validate(const struct kt_op *op, const struct kt_op_scope *scope, struct kt_diag *diag)
{
	if (!kt_op_row(op->kind))
		return kt_fail(diag, KT_OP_E_INVALID, "op of unknown kind %d", (int)op->kind);
	for (const struct kt_field *f = kt_op_fields.list; f->name; f++)
		KT_TRY(validate_field(op, f, scope, diag));
	return kt_forward(validate_meaning(op, scope, diag));
}
