/* SPDX-License-Identifier: GPL-2.0-only */
/* The library's holds and limits fit together: what cannot break a limit proves nothing. */
#include <string.h>

#include "base/cleanup.h"
#include "scenario/cell.h"
#include "tests/unit/test.h"

/* The longest time for which workers of the group live, ns. */
static uint64_t life_ns(const struct kt_scenario *s, const char *name)
{
	uint64_t now = 0, since = 0, longest = 0;
	bool lives = false;

	for (const struct kt_step *step = s->steps; step && step->name; step++) {
		for (const struct kt_op *op = step->ops; op && op->kind; op++) {
			if (!op->workers || strcmp(op->workers, name))
				continue;
			if (op->kind == KT_OP_KIND_STOP && lives) {
				longest = KT_MAX(longest, now - since);
				lives = false;
			} else if (op->kind == KT_OP_KIND_START) {
				lives = true;
				since = now;
			}
		}
		now += kt_scenario_step_ns(s, step);
	}
	return lives ? KT_MAX(longest, now - since) : longest;
}

/* A worker that is kept waiting for its whole life has waited for longer than the limit. */
static bool can_break_gap(const struct kt_scenario *s, const struct kt_cell *cell,
			  const struct kt_workers *w)
{
	uint64_t gap = kt_limit_get(&kt_cell_limits(cell, w)->limits, KT_LIMIT_GAP);
	uint64_t life = life_ns(s, w->name);

	/* A body starts workers itself, and for a time that it alone knows. */
	return gap == KT_OFF || (!life && s->has_body) || gap <= life / 5 * 4;
}

TEST(test_gaps_can_be_broken)
{
	const struct kt_cell_wishes wishes = { .has_seed = true };
	unsigned int count, faults = 0, groups = 0;
	const struct kt_scenario *const *list = kt_scenario_table(&count);
	static struct kt_cell cell;

	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(kt_cell_init(&cell, list[i], &wishes, NULL), 0);
		for (const struct kt_workers *w = list[i]->workers; w && w->name; w++) {
			groups++;
			if (can_break_gap(list[i], &cell, w))
				continue;
			print_error(
				"%s: workers '%s' live for %llu ms, and their limit of a gap is "
				"%llu ms\n",
				list[i]->name, w->name,
				(unsigned long long)(life_ns(list[i], w->name) / 1000000),
				(unsigned long long)(kt_limit_get(&kt_cell_limits(&cell, w)->limits,
								  KT_LIMIT_GAP) /
						     1000000));
			faults++;
		}
	}
	assert_true(groups > 40);
	assert_int_equal(faults, 0);
}
