/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints the table of ops for scripts/reference: macro, what it does, bounds of numbers. */
#include <stdio.h>

#include "ops/op.h"

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

int main(void)
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
