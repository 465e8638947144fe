/* SPDX-License-Identifier: GPL-2.0-only */
/* BTF and a value of a guest: u32 length of the BTF, the BTF, u8 type id, then the value's bytes. */
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "base/cursor.h"
#include "monitor/render.h"
#include "tests/fuzz/fuzz.h"

static size_t values_in(const json_t *json)
{
	const json_t *value;
	const char *name;
	size_t count = 1;

	json_object_foreach((json_t *)json, name, value) count += values_in(value);
	for (size_t i = 0; i < json_array_size(json); i++)
		count += values_in(json_array_get(json, i));
	return count;
}

static void look(const struct kt_typed *v)
{
	struct kt_buf text = KT_BUF_INIT(8u << 20);
	json_t *json;

	if (kt_render_json(&json, v, NULL))
		return;
	/* Besides the values there are nulls in place of values. */
	if (values_in(json) > KT_RENDER_VALUES_MAX + KT_RENDER_DEPTH_MAX * 2048u)
		abort();
	json_decref(json);
	(void)!kt_render_text(&text, v, NULL);
	kt_buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kt_cursor c = kt_cursor_over(data, size);
	uint32_t len = (uint32_t)kt_cursor_le(&c, 4);
	const void *raw;
	struct kt_typed v;
	struct btf *btf;

	libbpf_set_print(NULL);
	len %= (uint32_t)(kt_cursor_left(&c) + 1);
	raw = kt_cursor_take(&c, len);
	btf = btf__new(raw, len);
	if (!btf)
		return 0;
	v = (struct kt_typed){ .btf = btf, .type_id = (uint32_t)kt_cursor_le(&c, 1) };
	v.data = c.pos;
	v.len = kt_cursor_left(&c);
	look(&v);
	btf__free(btf);
	return 0;
}
