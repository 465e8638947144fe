/* SPDX-License-Identifier: GPL-2.0-only */
/* The result of a run; see result.h. */
#include <stdlib.h>

#include "judge/result.h"

void kt_run_result_deinit(struct kt_run_result *result)
{
	kt_run_record_deinit(&result->record);
	kt_contention_deinit(&result->contention);
	free(result->vcpus);
}

double kt_run_contention(const struct kt_run_result *result)
{
	uint64_t run = 0, delay = 0;

	for (unsigned int i = 0; i < result->vcpu_count; i++) {
		run += result->vcpus[i].stats.run_ns;
		delay += result->vcpus[i].stats.delay_ns;
	}
	return run ? (double)delay / (double)run : 0;
}

enum kt_exit kt_run_exit(const struct kt_run_result *result)
{
	if (result->could_not_run)
		return KT_EXIT_COULD_NOT_RUN;
	switch (result->verdict) {
	case KT_VERDICT_PASS:
		return KT_EXIT_PASS;
	case KT_VERDICT_SKIP:
		return KT_EXIT_SKIPPED;
	case KT_VERDICT_FAIL:
		return KT_EXIT_FAIL;
	default:
		return KT_EXIT_INCONCLUSIVE;
	}
}
