/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of QEMU's monitor. The first byte says how the rest is cut into
 * portions; after each portion there is one command more to be answered.
 */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/qemu/qmp.h"

static uint64_t next_id; /* of the answer that is due */

static void on_event(void *arg, const char *event, const json_t *data)
{
	if (!event || (data && !json_is_object(data)))
		abort();
}

/* Answers come once each and in order, with either a value or words. */
static void on_reply(void *arg, uint64_t id, const json_t *value, const char *error)
{
	if (id != next_id++ || !value == !error)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kt_qmp_handlers handlers = { .on_event = on_event,
							 .on_reply = on_reply };
	struct kt_diag diag = KT_DIAG_INIT;
	size_t portion = size ? data[0] + 1u : 1;
	struct kt_qmp qmp;
	uint64_t id;
	int r;

	next_id = 0;
	if (kt_qmp_init(&qmp, &handlers, NULL))
		abort();
	for (size_t at = 1; at < size; at += portion) {
		size_t len = size - at < portion ? size - at : portion;

		if (kt_qmp_feed(&qmp, data + at, len, &diag))
			break;
		r = kt_qmp_execute(&qmp, "stop", NULL, &id);
		if (r && r != -ENOBUFS)
			abort();
	}
	kt_qmp_deinit(&qmp);
	return 0;
}
