/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `ktest run`: runs the cells of a plan, up to --parallel at the same time, and prints each
 * result as a whole, in the order of the plan: verdict and cause first, artefact folder and
 * rerun command last. Selection is left to runner/plan.h, threads to runner/jobs.h, runs to
 * runner/run.h.
 */
#include <ctype.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "judge/kernel-faults.h"
#include "cli/cli.h"
#include "cli/run-matrix.h"
#include "cli/run-options.h"
#include "kernel/kernel.h"
#include "runner/jobs.h"
#include "runner/plan.h"
#include "report/report.h"
#include "runner/run.h"

/* One cause of results that did not pass. */
struct cause {
	const char *scenario;	     /* the first that had it; borrowed */
	char text[KT_DIAG_TEXT_MAX]; /* of that one */
	unsigned int count;
};

#define CAUSES_MAX 64 /* causes that are looked for; further ones are printed in full */

struct options {
	struct run_options given;
	struct kt_session *begun; /* blank for the only run; owned; NULL: none */
	bool progress;		  /* stderr is a terminal */
	struct cause causes[CAUSES_MAX];
	size_t cause_count;
	bool colour; /* stdout is a terminal */
	json_t *results;
	const char *running; /* name of the scenario whose result is printed */
	struct cli_matrix matrix;
	struct kt_plan *plans;	  /* owned; of each column of the matrix */
	struct kt_buf title;	  /* of the column of the printed result; "": there is one column */
	pthread_mutex_t terminal; /* held while writing to the terminal; guards at_work */
	unsigned int at_work;
};

/* One run: request and result. */
struct job {
	struct options *o;
	unsigned int column;
	struct kt_run_request request;
	struct kt_run_result *result; /* owned */
	uint64_t start_ns;
	int error; /* negative errno: there is no result */
};

struct batch {
	struct options *o;
	struct job *jobs; /* the cells of the first column, then those of the next */
	int status;	  /* exit status so far */
	bool failed;	  /* a run has no result */
};

static bool is_matrix(const struct options *o)
{
	return cli_matrix_columns(&o->matrix) > 1;
}

/* ---- what is shown ---- */

static void clear_progress(const struct options *o)
{
	if (o->progress)
		fputs("\r\033[K", stderr);
}

static void on_progress(void *arg, const char *text)
{
	const struct job *job = arg;
	struct options *o = job->o;

	if (!o->progress || o->given.machine.verbose)
		return;
	pthread_mutex_lock(&o->terminal);
	clear_progress(o);
	if (o->given.parallel > 1)
		fprintf(stderr, "%u running; ", o->at_work);
	fprintf(stderr, "%s: %s (%.1f s)", job->request.cell->scenario->name, text,
		(double)(kt_now_ns() - job->start_ns) / 1e9);
	pthread_mutex_unlock(&o->terminal);
}

static void on_console(void *arg, const void *data, size_t len)
{
	(void)arg;
	fwrite(data, 1, len, stderr);
}

/* ---- causes that several scenarios share ---- */

/* Whether two causes differ in numbers alone. */
static bool is_same_cause(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (isdigit((unsigned char)*a))
			a++;
		while (isdigit((unsigned char)*b))
			b++;
		if (*a != *b)
			return false;
		if (!*a)
			return true;
	}
}

/* Counts the result among those of its cause. The first of them; NULL: this one, or a pass. */
static const struct cause *count_cause(struct options *o, const struct kt_run_result *res)
{
	struct cause *c = o->causes;

	if (res->verdict == KT_VERDICT_PASS || res->verdict == KT_VERDICT_SKIP ||
	    res->outcome == KT_OUTCOME_CANCELLED)
		return NULL;
	for (; c < o->causes + o->cause_count; c++)
		if (is_same_cause(c->text, res->cause)) {
			c->count++;
			return c;
		}
	if (o->cause_count < KT_ARRAY_SIZE(o->causes)) {
		*c = (struct cause){ .scenario = o->running, .count = 1 };
		snprintf(c->text, sizeof(c->text), "%s", res->cause);
		o->cause_count++;
	}
	return NULL;
}

static void print_causes(const struct options *o)
{
	for (size_t i = 0; i < o->cause_count; i++)
		if (o->causes[i].count > 1)
			printf("%u scenarios, from %s on, for one cause: %s\n", o->causes[i].count,
			       o->causes[i].scenario, o->causes[i].text);
}

/* as: the first result of the same cause; NULL: there is none. */
static void print_verdict(struct options *o, const struct kt_run_result *res,
			  const struct cause *as)
{
	static const struct {
		const char *word;
		const char *colour;
	} words[] = {
		[KT_VERDICT_SKIP] = { "SKIP", "\033[33m" },
		[KT_VERDICT_PASS] = { "PASS", "\033[32m" },
		[KT_VERDICT_INCONCLUSIVE] = { "INCONCLUSIVE", "\033[33m" },
		[KT_VERDICT_FAIL] = { "FAIL", "\033[31m" },
	};
	const char *word = res->could_not_run ? "COULD NOT RUN" : words[res->verdict].word;

	printf("%s%s%s %s%s%s: %s%s (%.1f s)\n", o->colour ? words[res->verdict].colour : "", word,
	       o->colour ? "\033[0m" : "", o->running, is_matrix(o) ? " on " : "",
	       kt_buf_str(&o->title), as ? "as " : "", as ? as->scenario : res->cause,
	       (double)res->wall_ns / 1e9);
}

static void print_details(const struct kt_run_result *res)
{
	const struct kt_run_record *rec = &res->record;

	/* A single finding is the cause, already printed. */
	for (size_t i = rec->finding_count > 1 ? 0 : 1; i < rec->finding_count && i < 20; i++) {
		const struct kt_finding *f = &rec->findings[i];

		printf("  finding: %s", f->text);
		if (f->file[0])
			printf(" (%s:%u)", f->file, f->line);
		putchar('\n');
	}
	for (size_t i = 0; i < rec->sched_count; i++) {
		const struct kt_sched_record *s = &rec->scheds[i];
		const struct kt_scx_exit_info exit = kt_run_record_exit(rec, s);
		bool again = i && rec->scheds[i - 1].restarted;
		char how[KT_TEXT_MAX];

		if (s->generation)
			printf("  generation %u: %s (pid %u), attached%s in %.0f ms%s%s\n",
			       s->generation, s->name, s->pid, again ? " again by itself" : "",
			       (double)(s->attached_ns - s->spawned_ns) / 1e6,
			       exit.kind ? "; " : "",
			       exit.kind ? kt_scx_exit_format(&exit, how, sizeof(how)) : "");
	}
	if (!rec->wait_end.recorded && rec->wait_end.text[0])
		printf("  waits for a CPU are not known: %s\n", rec->wait_end.text);
	for (unsigned int i = 0; i < rec->console_mark_count; i++) {
		const char *fault = kt_kernel_fault(rec->console_marks[i]);

		if (res->verdict != KT_VERDICT_PASS || fault)
			printf("  console: %s\n", rec->console_marks[i]);
		if (fault)
			printf("    known: a fault of the kernel, not held against a scheduler: %s\n",
			       fault);
	}
}

static void print_stats(const struct kt_run_result *res)
{
	for (unsigned int i = 0; i < res->vcpu_count; i++) {
		const struct kt_run_vcpu *vcpu = &res->vcpus[i];

		printf("  vCPU %u: ran %.3f s, in the guest %.3f s, waited %.3f s", i,
		       (double)vcpu->stats.run_ns / 1e9, (double)vcpu->stats.guest_ns / 1e9,
		       (double)vcpu->stats.delay_ns / 1e9);
		for (unsigned int j = 0; j < vcpu->exits.count; j++)
			printf("%s %s %llu", j ? "," : "; exits:", vcpu->exits.list[j].reason,
			       (unsigned long long)vcpu->exits.list[j].count);
		putchar('\n');
	}
	printf("  host contention: %.1f %% (run delay / run time of the vCPUs)\n",
	       100 * kt_run_contention(res));
}

static void print_result(struct options *o, const struct kt_run_result *res)
{
	const struct cause *as;

	clear_progress(o);
	if (o->given.json)
		return;
	as = count_cause(o, res);
	print_verdict(o, res, as);
	if (!as)
		print_details(res);
	if (o->given.stats)
		print_stats(res);
	if (res->artifacts[0])
		printf("  artefacts: %s\n", res->artifacts);
	printf("  rerun: %s\n", res->rerun);
	fflush(stdout);
}

/* ---- running ---- */

/* The exit status with priority: fail, could not run, inconclusive, pass, skip. */
static int worse(int a, int b)
{
	static const int order[] = { KT_EXIT_FAIL, KT_EXIT_COULD_NOT_RUN, KT_EXIT_INCONCLUSIVE,
				     KT_EXIT_PASS, KT_EXIT_SKIPPED };

	for (size_t i = 0; i < KT_ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}

static void prepare_job(struct job *job, struct options *o, unsigned int number)
{
	unsigned int column = 0;

	while (number >= o->plans[column].count)
		number -= o->plans[column++].count;
	*job = (struct job){ .o = o, .column = column, .request = o->given.request };
	job->request.cell = &o->plans[column].cells[number];
	job->request.kernel = cli_matrix_kernel(&o->matrix, column);
	job->request.arg = job;
	job->request.begun = kt_steal_ptr(o->begun);
	job->start_ns = kt_now_ns();
}

static void count_at_work(struct options *o, int more)
{
	pthread_mutex_lock(&o->terminal);
	o->at_work += (unsigned int)more;
	pthread_mutex_unlock(&o->terminal);
}

static int exit_of(const struct options *o, const struct kt_run_result *res)
{
	int status = (int)kt_run_exit(res);

	if (status == KT_EXIT_SKIPPED && o->given.no_skip)
		return KT_EXIT_FAIL;
	return status == KT_EXIT_INCONCLUSIVE && o->given.fail_on_inconclusive ? KT_EXIT_FAIL :
										 status;
}

/* Does one run. Returns false if the user has cancelled or there is no result. */
static bool run_job(void *arg, unsigned int number)
{
	struct batch *batch = arg;
	struct job *job = &batch->jobs[number];

	prepare_job(job, batch->o, number);
	job->result = calloc(1, sizeof(*job->result));
	count_at_work(batch->o, 1);
	job->error = job->result ? kt_run(job->result, &job->request) : kt_raise(-ENOMEM);
	count_at_work(batch->o, -1);
	return !job->error && job->result->outcome != KT_OUTCOME_CANCELLED;
}

static int set_title(struct options *o, unsigned int column)
{
	o->title.len = 0;
	return is_matrix(o) ? kt_forward(cli_matrix_title(&o->matrix, column, &o->title)) : 0;
}

/* Prints a result; called in the order of the plan, on the main thread. */
static void report_job(void *arg, unsigned int number)
{
	struct batch *batch = arg;
	struct options *o = batch->o;
	struct job *job = &batch->jobs[number];

	o->running = job->request.cell->scenario->name;
	pthread_mutex_lock(&o->terminal);
	if (job->error) {
		batch->failed = true;
		fprintf(stderr, "ktest run: %s: %s\n", o->running, strerror(-job->error));
	} else {
		if (set_title(o, job->column))
			batch->failed = true;
		print_result(o, job->result);
		batch->status = worse(batch->status, exit_of(batch->o, job->result));
		if (is_matrix(o) && cli_matrix_note(&o->matrix, o->running, job->column,
						    job->result->could_not_run ?
							    "could not run" :
							    kt_verdict_name(job->result->verdict)))
			batch->failed = true;
	}
	pthread_mutex_unlock(&o->terminal);
	if (o->results && !job->error)
		json_array_append_new(o->results, kt_result_json(job->result));
	if (job->result)
		kt_run_result_deinit(job->result);
	free(job->result);
}

static unsigned int count_runs(const struct options *o)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < cli_matrix_columns(&o->matrix); i++)
		n += o->plans[i].count;
	return n;
}

static int run_plans(struct options *o)
{
	unsigned int count = count_runs(o);
	_cleanup_(kt_freep) struct job *list = calloc(count + 1, sizeof(*list));
	struct batch batch = { .o = o, .jobs = list, .status = KT_EXIT_SKIPPED };
	const struct kt_jobs jobs = { .count = count,
				      .parallel = o->given.parallel,
				      .work = run_job,
				      .done = report_job,
				      .arg = &batch };
	_cleanup_(kt_fleet_freep) struct kt_fleet *fleet = NULL;
	unsigned int begun = 0;
	int r = list ? 0 : kt_raise(-ENOMEM);

	/* The fleet makes clones for the next runs during the current runs. */
	if (!r && count > 1)
		r = kt_fleet_new(&fleet, KT_MIN(o->given.parallel, count), count);
	o->given.request.fleet = fleet;
	if (!r)
		r = kt_jobs_run(&jobs, &begun);

	if (r < 0)
		fprintf(stderr, "ktest run: start the runs: %s\n", strerror(-r));
	else if (begun < count && !batch.failed)
		fprintf(stderr, "ktest run: cancelled; %u scenarios were not run\n", count - begun);
	o->given.request.fleet = NULL;
	return r || batch.failed ? KT_EXIT_COULD_NOT_RUN : batch.status;
}

/* Scenarios that cannot be run are reported last, and hinder no other. */
static int report_unfit(const struct options *o, const struct kt_plan *plan, int status)
{
	for (unsigned int i = 0; i < plan->unfit_count; i++) {
		const struct kt_plan_unfit *u = &plan->unfit[i];

		if (o->results)
			json_array_append_new(
				o->results,
				json_pack("{s:s, s:s, s:s, s:b, s:s}", "scenario", u->name,
					  "verdict", kt_verdict_name(KT_VERDICT_INCONCLUSIVE),
					  "outcome", kt_outcome_name(KT_OUTCOME_SETUP_ERROR),
					  "could_not_run", true, "cause", u->cause));
		else
			printf("COULD NOT RUN %s: %s\n", u->name, u->cause);
	}
	return plan->unfit_count ? worse(status, KT_EXIT_COULD_NOT_RUN) : status;
}

/* Probing the host's KVM takes half as long as the start of QEMU. */
static void begin(struct options *o)
{
	struct kt_cell cell;

	if (count_runs(o) != 1 || !kt_accel_is_probably_tcg(o->given.machine.wishes.accel))
		return;
	cell = o->plans[0].cells[0];
	kt_cell_settle(&cell, KT_ACCEL_TCG, NULL);
	o->begun = kt_run_begin(&cell);
}

static int choose_accel(const struct cli_verb *verb, struct options *o, struct kt_diag *diag)
{
	struct cli_machine *m = &o->given.machine;

	KT_TRY(cli_machine_choose(verb, m, true, diag));
	if (m->wishes.accel != KT_ACCEL_TCG)
		o->begun = kt_session_free(o->begun);
	for (unsigned int c = 0; c < cli_matrix_columns(&o->matrix); c++)
		for (unsigned int i = 0; i < o->plans[c].count; i++)
			kt_cell_settle(&o->plans[c].cells[i], m->wishes.accel,
				       m->accel_reason[0] ? m->accel_reason : NULL);
	return 0;
}

/* Plans the scenarios of the patterns in the column, whose kernel need not have been found yet. */
static int plan_column(struct options *o, unsigned int column, int argc, char **argv,
		       struct kt_diag *diag)
{
	const struct kt_kernel *kernel = cli_matrix_kernel(&o->matrix, column);
	struct kt_cell_wishes wishes = o->given.machine.wishes;

	wishes.kernel = kernel->path;
	wishes.build_id = kernel->build_id;
	wishes.topology = cli_matrix_topology(&o->matrix, column);
	return kt_forward(kt_plan_select(&o->plans[column], (const char *const *)argv,
					 (unsigned int)argc, &wishes, diag));
}

/* A pattern without a match is told before a kernel is looked for. */
static int plan(struct options *o, int argc, char **argv, struct kt_diag *diag)
{
	o->plans = calloc(CLI_COLUMNS_MAX, sizeof(*o->plans));
	if (!o->plans)
		return kt_raise(-ENOMEM);
	KT_TRY(plan_column(o, 0, argc, argv, diag));
	if (o->plans[0].count)
		KT_TRY(cli_kernels_find(&o->matrix.kernels, o->given.kernels, diag));
	for (unsigned int c = 1; c < cli_matrix_columns(&o->matrix); c++)
		KT_TRY(plan_column(o, c, argc, argv, diag));
	return 0;
}

static void init_options(struct options *o)
{
	o->matrix.topologies = o->given.topologies;
	o->given.request.files = &o->given.machine.files;
	o->given.request.on_progress = on_progress;
	o->given.request.on_console = o->given.machine.verbose ? on_console : NULL;
	o->progress = isatty(STDERR_FILENO);
	o->colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	if (o->given.json)
		o->results = json_array();
}

static void deinit_options(struct options *o)
{
	kt_session_free(o->begun);
	cli_matrix_deinit(&o->matrix);
	kt_buf_deinit(&o->title);
	for (unsigned int c = 0; o->plans && c < CLI_COLUMNS_MAX; c++)
		kt_plan_deinit(&o->plans[c]);
	free(o->plans);
	cli_machine_deinit(&o->given.machine);
}

static int print_end(struct options *o)
{
	if (o->results) {
		json_dumpf(o->results, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(o->results);
		return 0;
	}
	print_causes(o);
	return is_matrix(o) ? kt_forward(cli_matrix_print(&o->matrix)) : 0;
}

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	_cleanup_(kt_closep) int cancel_fd = -1;
	_cleanup_(deinit_options) struct options o = { .terminal = PTHREAD_MUTEX_INITIALIZER,
						       .title = KT_BUF_INIT(0) };
	struct kt_diag diag = KT_DIAG_INIT;
	int status = KT_EXIT_SKIPPED, r = run_options_parse(verb, &o.given, &argc, &argv);

	if (r)
		return r < 0 ? 0 : r;
	init_options(&o);
	r = plan(&o, argc, argv, &diag);
	cancel_fd = r ? -1 : cli_open_signal_fd(verb, SIGINT, SIGTERM, 0);
	if (!r && cancel_fd < 0)
		return KT_EXIT_COULD_NOT_RUN;
	o.given.request.cancel_fd = cancel_fd;
	if (!r && count_runs(&o)) {
		begin(&o);
		r = choose_accel(verb, &o, &diag);
		if (!r)
			status = run_plans(&o);
	}
	if (!r) {
		status = report_unfit(&o, &o.plans[0], status);
		r = print_end(&o);
	}
	return r ? cli_fail(&diag, r) : status;
}

/* clang-format off */
const struct cli_verb cli_run = {
	"run", "[OPTION]... PATTERN...", "run scenarios, each in a machine of its own",
	.about = "Runs the scenarios whose names match a glob, each in a machine of its own. "
		 "'lib/*' selects the library, whose scenarios can be run under any scheduler.",
	.notes = "Ctrl-C ends a run within a second and keeps its results so far.\n"
		 "Exit status: 0 pass, 1 fail, 2 inconclusive, 3 could not run, 77 all skipped.",
	.options = run_options_table, .run = run,
	.args_min = 1, .args_max = INT_MAX, .missing = "name at least one scenario, or '*'",
};
