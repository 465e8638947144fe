/* SPDX-License-Identifier: GPL-2.0-only */
/* Reports of benchmarks, and what /proc says of memory and parents. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "measure/measured.h"
#include "measure/bench/pss.h"
#include "tests/fuzz/fuzz.h"

/* What was understood is written so that it is understood the same again. */
static void check_report(const uint8_t *data, size_t size)
{
	_cleanup_(kt_buf_deinit) struct kt_buf a = KT_BUF_INIT(0), b = KT_BUF_INIT(0);
	struct kt_measured m, again;
	struct kt_diag diag = KT_DIAG_INIT;

	if (kt_measured_parse(&m, data, size, &diag))
		return;
	if (kt_measured_format(&a, &m) || kt_measured_parse(&again, a.data, a.len, &diag) ||
	    kt_measured_format(&b, &again) || strcmp(kt_buf_str(&a), kt_buf_str(&b)))
		abort();
	kt_measured_deinit(&m);
	kt_measured_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(kt_freep) char *text = strndup((const char *)data, size);
	struct kt_pss pss = { 0 };
	pid_t parent;

	check_report(data, size);
	(void)!kt_pss_parse(&pss, text);
	if (!kt_stat_parent(&parent, text) && parent < 0)
		abort();
	return 0;
}
