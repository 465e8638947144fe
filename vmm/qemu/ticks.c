/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's TSC in the state of a bake; see ticks.h. A stream is a sequence of sections,
 * followed by a JSON text with the names and sizes of their fields, in the order of the
 * sections. A section has no length; it begins with its name, instance and version, by which
 * it is searched for.
 */
#include <endian.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "vmm/qemu/ticks.h"

#define SECTION_FULL   0x04
#define DESCRIPTION    0x06
#define NAME_BYTES_MAX 255

struct stream {
	const uint8_t *data;
	size_t len;
	size_t at; /* end of the last section found */
};

static uint32_t read32(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return be32toh(word);
}

/* JSON contains no byte DESCRIPTION, so the last one precedes the length of the text. */
static json_t *load_description(const struct stream *s)
{
	for (size_t i = s->len; i-- > 0;)
		if (s->data[i] == DESCRIPTION && s->len - i > 5)
			return read32(s->data + i + 1) == s->len - i - 5 ?
				       json_loadb((const char *)s->data + i + 5, s->len - i - 5, 0,
						  NULL) :
				       NULL;
	return NULL;
}

/* *ret_at: offset of a field in its section's data. False: no such field, or not one word. */
static bool find_field(const json_t *device, const char *name, uint64_t *ret_at)
{
	const json_t *fields = json_object_get(device, "fields"), *field;
	uint64_t at = 0;
	json_int_t size, count;
	size_t i;

	json_array_foreach(fields, i, field)
	{
		const json_t *array = json_object_get(field, "array_len");

		size = json_integer_value(json_object_get(field, "size"));
		count = array ? json_integer_value(array) : 1;
		if (size < 0 || size > INT32_MAX || count < 0 || count > INT16_MAX)
			return false;
		if (!strcmp(json_string_value(json_object_get(field, "name")) ?: "", name)) {
			*ret_at = at;
			return size == sizeof(uint64_t) && count == 1;
		}
		at += (uint64_t)(size * count);
	}
	return false;
}

/* *ret_at: offset of a section's data. False: not found, or ambiguous. */
static bool find_section(struct stream *s, const char *name, uint32_t instance, uint32_t version,
			 size_t *ret_at)
{
	const uint32_t numbers[] = { htobe32(instance), htobe32(version) };
	uint8_t head[1 + NAME_BYTES_MAX + sizeof(numbers)];
	size_t name_len = strlen(name), len = 1 + name_len + sizeof(numbers);
	const uint8_t *p;

	head[0] = (uint8_t)name_len;
	memcpy(head + 1, name, name_len);
	memcpy(head + 1 + name_len, numbers, sizeof(numbers));
	p = memmem(s->data + s->at, s->len - s->at, head, len);
	if (!p || p - s->data < 5 || p[-5] != SECTION_FULL)
		return false;
	s->at = *ret_at = (size_t)(p - s->data) + len;
	/* The same bytes follow once more: either may be the section. */
	return !memmem(s->data + s->at, s->len - s->at, head, len);
}

static bool take_word(struct stream *s, const json_t *device, const char *field,
		      struct kt_ticks_word *ret_word)
{
	const char *name = json_string_value(json_object_get(device, "name"));
	json_int_t instance = json_integer_value(json_object_get(device, "instance_id"));
	json_int_t version = json_integer_value(json_object_get(device, "version"));
	uint64_t offset;
	size_t at;

	if (instance < 0 || instance > INT32_MAX || version < 0 || version > INT32_MAX ||
	    !find_field(device, field, &offset) ||
	    !find_section(s, name, (uint32_t)instance, (uint32_t)version, &at) ||
	    offset > s->len - at || s->len - at - offset < sizeof(ret_word->value))
		return false;
	ret_word->at = at + offset;
	memcpy(&ret_word->value, s->data + ret_word->at, sizeof(ret_word->value));
	ret_word->value = be64toh(ret_word->value);
	return true;
}

static bool take_device(struct stream *s, const json_t *device, struct kt_ticks *ticks,
			unsigned int vcpus)
{
	const char *name = json_string_value(json_object_get(device, "name")) ?: "";

	if (!strcmp(name, "timer"))
		return !ticks->machine.at &&
		       take_word(s, device, "cpu_ticks_offset", &ticks->machine);
	if (!strcmp(name, "cpu"))
		return ticks->vcpu_count < vcpus &&
		       take_word(s, device, "env.tsc_offset", &ticks->vcpus[ticks->vcpu_count++]);
	return true;
}

int kt_ticks_find(struct kt_ticks *ret_ticks, const void *stream, size_t len, unsigned int vcpus,
		  struct kt_diag *diag)
{
	struct stream s = { .data = stream, .len = len };
	json_auto_t *description = load_description(&s);
	const json_t *devices = json_object_get(description, "devices"), *device;
	bool fine = vcpus <= KT_CPUS_MAX;
	size_t i;

	*ret_ticks = (struct kt_ticks){ .vcpu_count = 0 };
	json_array_foreach(devices, i, device) fine =
		fine && take_device(&s, device, ret_ticks, vcpus);
	if (fine && ret_ticks->machine.at && ret_ticks->vcpu_count == vcpus)
		return 0;
	kt_diag_cause(diag, "the guest's time cannot be found in the saved state");
	return KT_TICKS_E_FORM;
}
