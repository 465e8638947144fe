/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "base/diag.h"
#include "kernel/config.h"
#include "kernel/decompress.h"
#include "kernel/import/ikconfig.h"

int kt_ikconfig_extract(const void *image, size_t size, int fd)
{
	static const char begin[] = "IKCFG_ST\x1f\x8b", end[] = "IKCFG_ED";
	const size_t mark = strlen("IKCFG_ST");
	const uint8_t *stream = memmem(image, size, begin, strlen(begin)), *stop;
	struct kt_diag why = KT_DIAG_INIT;
	uint64_t bytes;
	size_t left;
	int r;

	if (!stream)
		return KT_IKCONFIG_E_NONE;
	stream += mark;
	left = size - (size_t)(stream - (const uint8_t *)image);
	stop = memmem(stream, left, end, strlen(end));
	if (!stop)
		return KT_IKCONFIG_E_NONE;
	r = kt_decompress(kt_compression_of(stream, left), stream, (size_t)(stop - stream), fd,
			  KT_CONFIG_BYTES_MAX, &bytes, &why);
	return r > 0 ? KT_IKCONFIG_E_NONE : kt_forward(r);
}
