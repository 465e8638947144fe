/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints a table for scripts/reference: "ops" (macro, what it does, bounds of numbers) or "limits"
 * (name, what it is, built-in value).
 */
#include <stdio.h>
#include <string.h>

#include "ops/op.h"
#include "scenario/limit.h"

static void print_numbers(const struct kt_op_row *row)
{
	const char *between = "";
	char bounds[KT_OP_USE_TEXT_MAX];

	for (const struct kt_op_use *use = row->uses; use->kind; use++)
		if (use->kind == KT_OP_USE_NUMBER) {
			printf("%s`%s%s` %s", between, use->argument ? "" : ".",
			       use->argument ?: use->member, kt_op_use_format(use, bounds));
			between = "; ";
		}
}

static void print_ops(void)
{
	for (unsigned int kind = 1; kind < KT_OP_KIND_COUNT_; kind++) {
		const struct kt_op_row *row = kt_op_row(kind);
		const char *between = "";

		printf("`KT_OP_%s(", row->id);
		for (const struct kt_op_use *use = row->uses; use->kind && use->argument; use++) {
			printf("%s%s", between, use->argument);
			between = ", ";
		}
		printf(")`\t%s\t", row->doc);
		print_numbers(row);
		printf("\n");
	}
}

static void print_limits(void)
{
	char text[KT_LIMIT_TEXT_MAX];

	for (enum kt_limit i = 0; i < KT_LIMIT_COUNT_; i++) {
		const char *value = kt_limit_format(&kt_limits_default, i, text);

		printf("`.%s`\t%s\t%s\n", kt_limit_name(i), kt_limit_doc(i),
		       value ? strchr(value, '=') + 1 : "");
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 1;
	strcmp(argv[1], "limits") ? print_ops() : print_limits();
}
