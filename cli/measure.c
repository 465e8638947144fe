/* SPDX-License-Identifier: GPL-2.0-only */
/* Common to `ktest bench` and `ktest gate`; see measure.h. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/measure.h"
#include "proto/result.h"
#include "measure/show.h"

bool cli_is_cancelled(int cancel_fd)
{
	struct pollfd p = { .fd = cancel_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

void cli_note_machine(struct kt_measured *m, enum kt_accel accel, const char *topology,
		      const struct kt_kernel *kernel)
{
	snprintf(m->accel, sizeof(m->accel), "%s", kt_accel_name(accel));
	snprintf(m->topology, sizeof(m->topology), "%s", topology);
	if (!kernel)
		return;
	/* A long path may be cut: the build id identifies the kernel. */
	kt_measured_text(m->kernel.path, sizeof(m->kernel.path), kernel->path);
	kt_measured_text(m->kernel.release, sizeof(m->kernel.release), kernel->release);
	kt_measured_text(m->kernel.build_id, sizeof(m->kernel.build_id), kernel->build_id);
}

/* ---- reports ---- */

int cli_show(const struct kt_measured *measured)
{
	_cleanup_(kt_buf_deinit) struct kt_buf text = KT_BUF_INIT(0);
	const char *columns = getenv("COLUMNS");
	bool terminal = isatty(STDOUT_FILENO);
	struct kt_show_style style = { .columns = 80 };
	uint64_t n;
	int r;

	setlocale(LC_CTYPE, "");
	if (columns && kt_parse_number(columns, 1, 10000, &n))
		style.columns = (unsigned int)n;
	style.utf8 = terminal && !strcmp(nl_langinfo(CODESET), "UTF-8");
	style.colour = terminal && !getenv("NO_COLOR");
	r = kt_show(&text, measured, &style);
	if (!r)
		r = fwrite(text.data, 1, text.len, stdout) == text.len && !fflush(stdout) ? 0 :
											    -EIO;
	if (!r)
		return 0;
	fprintf(stderr, "ktest: show the figures: %s\n", strerror(-r));
	return KT_EXIT_COULD_NOT_RUN;
}

int cli_report(const struct kt_measured *measured, const char *artifact)
{
	struct kt_diag diag = KT_DIAG_INIT;
	int r = artifact ? kt_measured_write(artifact, measured, &diag) : 0;

	if (r)
		cli_print_diag(&diag);
	if (cli_show(measured) || r)
		return KT_EXIT_COULD_NOT_RUN;
	if (artifact)
		printf("artefact: %s\n", artifact);
	return 0;
}
