/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of a fragment that a .config lost. */

#include "base/buf.h"
#include "base/cleanup.h"
#include "kernel/config.h"
#include "tests/unit/test.h"

static void collect(unsigned int line, const char *wanted, const char *is, void *data)
{
	assert_int_equal(kt_buf_printf(data, "%u %s -> %s\n", line, wanted, is), 0);
}

static void expect(const char *fragment, const char *config, unsigned int count, const char *text)
{
	_cleanup_(kt_buf_deinit) struct kt_buf lost = KT_BUF_INIT(0);
	unsigned int n = 99, line = 0;

	assert_int_equal(kt_config_compare(fragment, config, collect, &lost, &n, &line), 0);
	assert_string_equal(kt_buf_str(&lost), text);
	assert_int_equal(n, count);
}

TEST(test_all_survived)
{
	expect("# a group\nCONFIG_A=y\n\n#\n# CONFIG_B is not set\nCONFIG_S=\"x y\"\nCONFIG_N=4\n"
	       "# CONFIG_GONE is not set\nCONFIG_M=m\r\n",
	       "CONFIG_M=m\n# CONFIG_B is not set\nCONFIG_N=4\nCONFIG_S=\"x y\"\nCONFIG_A=y\n", 0,
	       "");
}

TEST(test_each_loss_is_told_in_order)
{
	expect("CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\nCONFIG_N=256\nCONFIG_M=y",
	       "# CONFIG_B is not set\nCONFIG_C=y\nCONFIG_N=64\nCONFIG_M=m\nCONFIG_AA=y\n", 5,
	       "1 CONFIG_A=y -> n\n2 CONFIG_B=y -> n\n3 # CONFIG_C is not set -> y\n"
	       "4 CONFIG_N=256 -> 64\n5 CONFIG_M=y -> m\n");
}

/* As in Kconfig, the last of two settings counts. */
TEST(test_last_setting_counts)
{
	expect("CONFIG_A=y\n", "# CONFIG_A is not set\nCONFIG_A=y\n", 0, "");
	expect("CONFIG_A=y\n", "CONFIG_A=y\n# CONFIG_A is not set\n", 1, "1 CONFIG_A=y -> n\n");
}

TEST(test_words_about_options_are_comments)
{
	expect("# CONFIG_A is not needed\n# CONFIG_B=y would be nice\n", "", 0, "");
}

/* Releases name an option differently: one of the names is enough. */
TEST(test_alternatives)
{
	static const char fragment[] = "CONFIG_OLD=y\n# or\n# in 7.3\nCONFIG_NEW=y\nCONFIG_Z=y\n";

	expect(fragment, "CONFIG_OLD=y\nCONFIG_Z=y\n", 0, "");
	expect(fragment, "CONFIG_NEW=y\nCONFIG_Z=y\n", 0, "");
	expect(fragment, "CONFIG_NEW=m\nCONFIG_Z=y\n", 1, "1 CONFIG_OLD=y -> n\n");
	expect(fragment, "CONFIG_OLD=y\n", 1, "5 CONFIG_Z=y -> n\n");
	expect("CONFIG_A=y\n# or\nCONFIG_B=y\n# or\nCONFIG_C=y", "CONFIG_C=y\n", 0, "");
	expect("CONFIG_A=y\n# or\nCONFIG_B=y", "", 1, "1 CONFIG_A=y -> n\n");
}

TEST(test_syntax)
{
	static const char *const bad[] = {
		"\nA=y\n",	    "# x\nCONFIG_A\n",	    "\nCONFIG_A=\n",
		"\nCONFIG_A = y\n", "\n# or\nCONFIG_A=y\n", "CONFIG_A=y\n# or\n",
	};
	_cleanup_(kt_buf_deinit) struct kt_buf lost = KT_BUF_INIT(0);
	unsigned int n, line;

	for (size_t i = 0; i < KT_ARRAY_SIZE(bad); i++) {
		line = 0;
		assert_int_equal(kt_config_compare(bad[i], "", collect, &lost, &n, &line),
				 KT_CONFIG_E_SYNTAX);
		assert_int_equal(line, 2);
	}
}
