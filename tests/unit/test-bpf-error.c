/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors of the system and of libbpf have texts. */
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "init/bpf-error.h"
#include "tests/unit/test.h"

static void test_errors_have_texts(void **state)
{
	char text[KT_BPF_ERROR_MAX];

	assert_string_equal(kt_bpf_error_text(text, -ENOENT), strerror(ENOENT));
	assert_string_equal(kt_bpf_error_text(text, -LIBBPF_ERRNO__FORMAT),
			    "BPF object format invalid");
	assert_non_null(strstr(kt_bpf_error_text(text, -(__LIBBPF_ERRNO__END + 100)), "Unknown"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
