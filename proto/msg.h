/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every message of the control channel and every field of each message. A message is
 * the payload of one frame (frame.h). On the wire the fields of a message follow each
 * other in the order of its struct, little-endian and unpadded:
 *
 *   uintN_t          N/8 bytes
 *   char[]           u16 length, then the bytes without the terminating 0
 *   struct kt_bytes  u32 length, then the bytes
 *
 * A field *_ns that is a point in time counts nanoseconds of the guest's
 * CLOCK_MONOTONIC. A generation is numbered from 1, the first successful attach; 0 is
 * the kernel's own scheduler. Decoding refuses trailing bytes, a string longer than its
 * field and a string that contains a 0 byte.
 *
 * A run, with "up" for guest to host and "down" for host to guest: HELLO up, JOB down,
 * then events, logs and snapshots up, then RESULT up. FAILED or FATAL up in place of
 * RESULT ends the run early. STOP down asks for teardown. After RESULT, FAILED or FATAL
 * the guest waits up to 1 s for a STOP, which confirms that the host needs nothing more,
 * and powers off.
 *
 * A freeze: FREEZE up, THAWED down once the machine runs again.
 *
 * A clone: the host of a restored machine does not know the messages from before the
 * save. CLONE down restarts the channel: CLONE is frame number 0 of the host, and the
 * guest answers with HELLO, frame number 0 of the guest.
 *
 * Commands: after HELLO, STAGE down carries files, ATTACH down starts a scheduler outside
 * a job, and EXEC down runs a command in a slot until EXEC_END up. Slots are independent
 * of each other. Bulk data flows on credit: STAGED and INPUT_TAKEN up and OUTPUT_TAKEN
 * down acknowledge bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "proto/snapshot.h"
#include "proto/topology.h"

/* Name of the control port, as in /sys/class/virtio-ports/<port>/name of the guest. */
#define KT_PORT_CONTROL "org.ktest.control"

enum kt_msg_type {
	/* host to guest */
	KT_MSG_JOB = 1,
	KT_MSG_STOP = 2,
	KT_MSG_THAWED = 3,
	KT_MSG_CLONE = 4,
	KT_MSG_STAGE = 5,
	KT_MSG_SLOTS = 6,
	KT_MSG_ATTACH = 7,
	KT_MSG_EXEC = 8,
	KT_MSG_INPUT = 9,
	KT_MSG_OUTPUT_TAKEN = 10,
	KT_MSG_SIGNAL = 11,
	KT_MSG_WINSIZE = 12,
	/* guest to host */
	KT_MSG_HELLO = 64,
	KT_MSG_TOPOLOGY,
	KT_MSG_PHASE,
	KT_MSG_HEARTBEAT,
	KT_MSG_STEP,
	KT_MSG_OP,
	KT_MSG_SCHED,
	KT_MSG_LOG,
	KT_MSG_BTF,
	KT_MSG_SNAPSHOT,
	KT_MSG_MAP,
	KT_MSG_SNAPSHOT_END,
	KT_MSG_FINDING,
	KT_MSG_RESULT,
	KT_MSG_FAILED,
	KT_MSG_FATAL,
	KT_MSG_OUTPUT,
	KT_MSG_FREEZE,
	KT_MSG_STAGED,
	KT_MSG_EXEC_OUTPUT,
	KT_MSG_EXEC_END,
	KT_MSG_INPUT_TAKEN,
	KT_MSG_WORKER,
	KT_MSG_PROGRAM,
	KT_MSG_PROGRAM_OUTPUT,
	KT_MSG_PROGRAM_END,
	KT_MSG_OP_BEGIN,
	KT_MSG_WAIT,
	KT_MSG_WAITS,
	KT_MSG_BANDWIDTH,
};

struct kt_bytes {
	const uint8_t *data; /* borrowed from the frame (decoded) or the caller (encoded) */
	uint32_t len;
};

/* JOB: the guest runs one scenario. */
struct kt_msg_job {
	char scenario[KT_NAME_MAX];
	char topology[KT_TOPOLOGY_TEXT_MAX];
	char scheduler[KT_NAME_MAX]; /* name of the scheduler of --scheduler; "": none */
	uint64_t memory_bytes;	     /* memory of the machine */
	uint64_t seed;		     /* seed of all random choices in the run */
	uint32_t cold;		     /* 1: the machine was booted for this run */
	uint64_t table_hash;	     /* hash of the host's table; must equal the guest's */
	uint64_t cell_hash;	     /* hash of the host's cell (scenario/cell.h); likewise */
	/*
	 * 1: the guest stages the job, attaches the boot scheduler, sends PHASE with
	 * KT_PHASE_BODY and waits for a second JOB that continues there. The host saves
	 * the machine in between.
	 */
	uint32_t prime;
	uint64_t attach_timeout_ns; /* guest time that an attach may take */
};

/* STOP: the guest tears down and reports; the user cancelled the run. */
struct kt_msg_stop {
	uint32_t reason; /* signal number that cancelled the run */
};

/* THAWED: the host answers a FREEZE. */
struct kt_msg_thawed {
	uint32_t number;	/* number of the FREEZE */
	uint64_t stood_ns;	/* duration of the freeze, ns of the host */
	char text[KT_TEXT_MAX]; /* why the machine was not frozen; "": it was */
};

#define KT_CLONE_IDENTITY_BYTES	   16u
#define KT_CLONE_ENTROPY_BYTES_MAX 64u

/* CLONE: the machine was restored; these fields make it differ from other clones. */
struct kt_msg_clone {
	struct kt_bytes identity; /* KT_CLONE_IDENTITY_BYTES: source of machine id and host name */
	struct kt_bytes entropy;  /* added to the kernel's random pool */
	uint32_t keep_identity;	  /* 1: machine id and host name stay as saved */
};

#define KT_STAGE_BYTES_MAX  (256u << 10) /* bytes in one STAGE */
#define KT_STAGE_CREDIT_MAX (1u << 20)	 /* sent and not yet acknowledged by STAGED */

/* STAGE: a piece of a cpio archive (newc); the guest unpacks the archive into /. */
struct kt_msg_stage {
	uint32_t last; /* 1: last piece of the archive */
	struct kt_bytes data;
};

/* SLOTS: the guest changes its number of slots and answers with HELLO. */
struct kt_msg_slots {
	uint32_t count; /* 1 to KT_SLOTS_MAX */
};

/*
 * ATTACH: the guest starts a staged scheduler and attaches it. SCHED and LOG report the
 * scheduler as in a job; OP with step KT_STEP_BOOT is the answer.
 */
struct kt_msg_attach {
	char name[KT_NAME_MAX]; /* declared name: folder below KT_STAGING_SCHEDULERS */
	uint64_t timeout_ns;	/* guest time that the attach may take */
};

/* EXEC: the guest runs a command in an idle slot. */
struct kt_msg_exec {
	uint32_t slot;
	uint32_t terminal;    /* 1: stdin, stdout and stderr are the terminal; see WINSIZE */
	uint64_t timeout_ns;  /* limit in guest time; 0: none */
	struct kt_bytes argv; /* one string or more, each with its terminating 0 */
	struct kt_bytes env;  /* likewise, "NAME=VALUE"; added to the environment of the slot */
	/* Without a terminating 0. */
	struct kt_bytes program; /* path of the program; empty: argv[0], looked up in PATH */
	struct kt_bytes cwd;	 /* working directory; empty: "/" */
};

#define KT_INPUT_BYTES_MAX   (64u << 10)  /* bytes in one INPUT */
#define KT_INPUT_CREDIT_MAX  (128u << 10) /* per slot: sent and not yet acknowledged */
#define KT_OUTPUT_CREDIT_MAX (512u << 10) /* per command: sent and not yet acknowledged */

/* INPUT: bytes for stdin of a slot's command; a slot without a command drops them. */
struct kt_msg_input {
	uint32_t slot;
	uint32_t eof; /* 1: end of the input */
	struct kt_bytes data;
};

/* OUTPUT_TAKEN: acknowledges output of a slot's command. */
struct kt_msg_output_taken {
	uint32_t slot;
	uint64_t bytes; /* sum of stdout and stderr since EXEC */
};

/* SIGNAL: the guest signals all processes of a slot's command. */
struct kt_msg_signal {
	uint32_t slot;
	uint32_t signal; /* signal number of Linux on x86 */
};

/* WINSIZE: new size of the terminal, characters. */
struct kt_msg_winsize {
	uint16_t rows;
	uint16_t columns;
};

/* HELLO: init is ready for a job. */
struct kt_msg_hello {
	uint64_t table_hash;
	char kernel_release[KT_NAME_MAX]; /* uname -r */
	uint32_t cpus;			  /* online */
	uint64_t memory_bytes;		  /* MemTotal */
	uint64_t init_start_ns;		  /* start of PID 1 */
	uint64_t ready_ns;		  /* time of this message */
	uint32_t slots;			  /* number of slots */
	uint32_t busy_slots;		  /* bit n: a command runs in slot n */
	uint64_t text_address;		  /* of the kernel's symbol _text; 0: not known */
};

/* TOPOLOGY: the topology that Linux reports in the guest. */
struct kt_msg_topology {
	struct kt_bytes cpus;	   /* array of struct kt_cpu_place */
	struct kt_bytes nodes;	   /* array of struct kt_node_view */
	struct kt_bytes distances; /* one byte per pair of nodes, row by row */
};

/* Node, LLC and core ids count from 0 without gaps, ordered by their lowest CPU. */
struct kt_cpu_place {
	uint16_t cpu;
	uint16_t node;
	uint16_t llc;
	uint16_t core; /* physical core; SMT siblings share it */
};

struct kt_node_view {
	uint16_t node;
	uint64_t memory_bytes; /* MemTotal */
};

/* Sizes on the wire, bytes. */
#define KT_CPU_PLACE_BYTES 8u
#define KT_NODE_VIEW_BYTES 10u

struct kt_cursor;
/* Read one element. With too few bytes left: zeros, and the cursor has failed. */
struct kt_cpu_place kt_cpu_place_read(struct kt_cursor *c);
struct kt_node_view kt_node_view_read(struct kt_cursor *c);
/* Write one element to KT_CPU_PLACE_BYTES or KT_NODE_VIEW_BYTES bytes at `to`. */
void kt_cpu_place_write(uint8_t *to, const struct kt_cpu_place *place);
void kt_node_view_write(uint8_t *to, const struct kt_node_view *view);

/* PHASE: a phase begins. */
struct kt_msg_phase {
	uint32_t phase; /* enum kt_phase */
	uint64_t time_ns;
};

enum kt_phase {
	KT_PHASE_BOOT,	   /* before HELLO; never sent */
	KT_PHASE_STAGE,	   /* from JOB on: init checks and attaches schedulers */
	KT_PHASE_BODY,	   /* steps, then the body of the scenario */
	KT_PHASE_TEARDOWN, /* init ends the scheduler and makes the result */
	KT_PHASE_COUNT_,
};

/* HEARTBEAT: PID 1 (SCHED_FIFO) sends one at least once per second while a job runs. */
struct kt_msg_heartbeat {
	uint64_t time_ns;
};

/* STEP: a step began or ended. */
struct kt_msg_step {
	uint32_t step;	    /* index */
	uint32_t ended;	    /* 0: began, 1: ended */
	uint32_t truncated; /* 1: death of the scheduler cut the hold short */
	uint64_t time_ns;
};

#define KT_STEP_BOOT UINT32_MAX /* in place of an index: before the first step */

/* OP_BEGIN: an op begins; its OP follows unless the guest ends in the op. */
struct kt_msg_op_begin {
	uint32_t step; /* as in OP */
	uint32_t op;
	uint32_t kind;
	uint64_t time_ns;
};

/* OP: an op ended. */
struct kt_msg_op {
	uint32_t step;	     /* index; KT_STEP_BOOT: attach of the boot scheduler */
	uint32_t op;	     /* index within the step */
	uint32_t kind;	     /* enum kt_op_kind (ops/op.h) */
	uint32_t error;	     /* enum kt_op_error */
	uint32_t generation; /* generation that is live after the op */
	uint64_t start_ns;
	uint64_t duration_ns;
	/* Parts of duration_ns. The first two: a scheduler ended. The others: one started. */
	uint64_t disable_ns;	/* from the request until the kernel has disabled it */
	uint64_t exit_ns;	/* from there until its process is reaped */
	uint64_t spawn_ns;	/* from fork(2) until execve(2) succeeds */
	uint64_t attach_ns;	/* from there until the kernel has enabled it */
	char text[KT_TEXT_MAX]; /* cause of the error, with the end of the log; "": no error */
};

/* SCHED: an event of a scheduler's loader. */
struct kt_msg_sched {
	uint32_t event;	     /* enum kt_sched_event */
	uint32_t spawn;	     /* number of the spawn, from 1 */
	uint32_t generation; /* 0: not attached yet */
	uint32_t pid;
	uint32_t status; /* EXITED, DIED: wait status */
	uint64_t time_ns;
	char name[KT_NAME_MAX]; /* declared name */
	char ops[KT_NAME_MAX];	/* ATTACHED: name in root/ops */
	uint32_t end;		/* EXITED, DIED: enum kt_sched_end */
};

enum kt_sched_event {
	KT_SCHED_SPAWNED,
	KT_SCHED_ATTACHED,
	KT_SCHED_EXITED,   /* ktest ended it */
	KT_SCHED_DIED,	   /* it ended unasked: a death */
	KT_SCHED_DETACHED, /* the kernel's own scheduler runs again */
	/*
	 * The kernel asked for a restart (CPU hotplug), and its loader has attached it again:
	 * SPAWNED and ATTACHED of the same process follow.
	 */
	KT_SCHED_RESTARTED,
	KT_SCHED_EVENT_COUNT_,
};

/* How a scheduler and its loader parted. */
enum kt_sched_end {
	KT_SCHED_END_EXIT,   /* the loader ended; `status` is its wait status */
	KT_SCHED_END_LIVES,  /* the kernel dropped the scheduler, and the loader lives on */
	KT_SCHED_END_FORKED, /* the loader ended, and the kernel ran its scheduler on */
	KT_SCHED_END_COUNT_,
};

/* LOG: output of a scheduler's loader. */
struct kt_msg_log {
	uint32_t spawn;
	uint32_t stream; /* 1 stdout, 2 stderr */
	struct kt_bytes data;
};

/* BTF: types that maps of later snapshots refer to; sent once per btf_id. */
struct kt_msg_btf {
	uint32_t btf_id;
	struct kt_bytes data; /* raw BTF, at most KT_BTF_BYTES_MAX */
};

/* SNAPSHOT: a snapshot begins; its MAPs follow, then SNAPSHOT_END. */
struct kt_msg_snapshot {
	uint32_t snapshot;   /* sequence number, from 0 */
	uint32_t cause;	     /* enum kt_snapshot_cause */
	uint32_t generation; /* live when the snapshot began */
	uint32_t step;
	uint64_t time_ns;
};

/* MAP: one BPF map of the live scheduler; proto/snapshot.h defines the layout of data. */
struct kt_msg_map {
	uint32_t snapshot;
	uint32_t map_id;
	uint32_t type; /* enum bpf_map_type */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t btf_id; /* 0: the map has no BTF */
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	uint32_t values_per_key; /* number of possible CPUs for per-CPU types, else 1;
				  * possible CPUs are numbered from 0 without gaps */
	uint32_t entries;	 /* number of entries in data */
	uint32_t state;		 /* enum kt_map_state */
	char name[KT_NAME_MAX];	 /* as in struct bpf_map_info, at most 15 bytes */
	struct kt_bytes data;	 /* at most KT_MAP_BYTES_MAX */
};

/* SNAPSHOT_END: the snapshot is complete. */
struct kt_msg_snapshot_end {
	uint32_t snapshot;
	uint32_t maps;	/* number of its MAPs */
	uint32_t valid; /* 0: the generation changed between SNAPSHOT and SNAPSHOT_END */
};

/* FINDING: the body of the scenario found something wrong, or did not end with status 0. */
struct kt_msg_finding {
	char file[KT_NAME_MAX];
	uint32_t line;
	char text[KT_TEXT_MAX];
	uint32_t kind; /* enum kt_finding_kind */
};

enum kt_finding_kind {
	KT_FINDING_WRONG,   /* an expectation does not hold */
	KT_FINDING_LATE,    /* something took too long; a busy host may be the cause */
	KT_FINDING_UNCLEAR, /* there are no data to judge by */
	KT_FINDING_KIND_COUNT_,
};

/* OUTPUT: bytes that the body and its children wrote to stdout and stderr. */
struct kt_msg_output {
	struct kt_bytes data;
};

/* FREEZE: the guest asks the host to freeze the machine. */
struct kt_msg_freeze {
	uint32_t number;   /* counts requests from 1; the next one follows THAWED */
	uint64_t pause_ns; /* duration in host time; KT_FREEZE_NS_MIN to KT_FREEZE_NS_MAX */
};

/* STAGED: acknowledges unpacked bytes. */
struct kt_msg_staged {
	uint64_t bytes; /* sum over all STAGE since the channel began */
};

/* WORKER: a worker ended; its measurements. */
struct kt_msg_worker {
	char name[KT_NAME_MAX]; /* declared name; shared by all workers of one declaration */
	uint32_t index;		/* index among the workers of that name, from 0 */
	uint32_t pid;
	uint32_t status;	 /* wait status */
	uint64_t iterations;	 /* completed iterations of its workload */
	uint64_t cpu_ns;	 /* time on a CPU, from schedstat */
	uint64_t delay_ns;	 /* time runnable without a CPU, from schedstat */
	uint64_t runs;		 /* number of times it got a CPU, from schedstat */
	uint64_t longest_gap_ns; /* longest time it was runnable and made no progress */
	uint64_t gap_end_ns;	 /* end of that gap */
	uint32_t gap_cpu;	 /* CPU it ran on at that end; else its last CPU */
	uint32_t uneven;	 /* 1: its CPU time is not comparable with other workers' */
	uint32_t control;	 /* 1: of the control run (scenario/control.h) */
	uint64_t migrations;	 /* observed changes of its CPU */
	uint64_t start_ns;	 /* start of its workload; 0: never started */
	uint64_t end_ns;	 /* end of its workload; 0: killed */
	struct kt_bytes seen;	 /* observations per CPU, from CPU 0: u32, little-endian */
	struct kt_bytes wakes;	 /* histogram (base/histogram.h) of wake-up latencies, ns */
};

/* What a CPU did during a wait, by scheduling class. */
enum kt_cpu_use {
	KT_USE_IDLE,
	KT_USE_EXT,  /* sched_ext */
	KT_USE_FAIR, /* the kernel's own scheduler */
	KT_USE_RT,   /* SCHED_FIFO, SCHED_RR and the stop class */
	KT_USE_DL,   /* SCHED_DEADLINE */
	KT_USE_COUNT_,
};

#define KT_COMM_MAX 16u /* bytes, with the terminating 0; TASK_COMM_LEN */

/* One CPU during a wait. */
struct kt_wait_cpu {
	uint32_t cpu;
	uint64_t ns[KT_USE_COUNT_]; /* time per class; a border of the wait may be missing */
	uint32_t top_pid;	    /* the task that ran longest; 0: none ran */
	uint64_t top_ns;	    /* CPU time of that task */
	int32_t top_prio;	    /* task_struct.prio: below 0 SCHED_DEADLINE, below 100 RT */
	char top_comm[KT_COMM_MAX];
};

#define KT_WAIT_CPU_BYTES (4u + 8u * KT_USE_COUNT_ + 4u + 8u + 4u + KT_COMM_MAX) /* on the wire */

struct kt_wait_cpu kt_wait_cpu_read(struct kt_cursor *c);
void kt_wait_cpu_write(uint8_t *to, const struct kt_wait_cpu *cpu);

/* WAIT: a task was runnable for long and not on a CPU. WAITS follows the last one. */
struct kt_msg_wait {
	uint32_t pid, tgid;
	char comm[KT_NAME_MAX];
	uint32_t flags; /* PF_* of include/linux/sched.h */
	uint32_t policy;
	int32_t prio, nice;
	uint32_t use;  /* enum kt_cpu_use: the task's class */
	uint32_t cpu;  /* CPU on which it ran at the end; open: its last one */
	uint32_t open; /* 1: it still waits */
	uint64_t start_ns, end_ns;
	uint64_t throttled_ns; /* its cgroups were throttled, summed over CPUs */
	uint32_t share_ppm;    /* share of a CPU that its weight entitles it to, in ppm */
	struct kt_bytes cpus;  /* array of struct kt_wait_cpu: the CPUs that it may run on */
};

/* WAITS: end of the list of waits. */
struct kt_msg_waits {
	uint32_t recorded;	/* 1: waits were recorded; 0: not, with text */
	uint32_t ext_server;	/* 1: the kernel reserves CPU time for sched_ext beside RT tasks */
	uint32_t ext_bandwidth; /* 1: the kernel tells sched_ext schedulers of cpu.max */
	uint64_t ext_ns;  /* CPU time of tasks of class sched_ext, on all CPUs, since the job */
	uint64_t rest_ns; /* no wait that was not sent is longer; UINT64_MAX: unknown */
	char text[KT_TEXT_MAX];
};

/* BANDWIDTH: a cgroup had a cpu.max for some time; sent when that ends. */
struct kt_msg_bandwidth {
	char cgroup[KT_NAME_MAX];
	uint64_t quota_ns, period_ns;
	uint64_t start_ns, end_ns;
	uint64_t used_ns; /* CPU time of its tasks in that time */
};

/* PROGRAM: a program of the scenario starts. */
struct kt_msg_program {
	uint32_t start; /* counts the starts of all programs from 1 */
	uint32_t pid;
	uint64_t time_ns;
	char name[KT_NAME_MAX]; /* declared name */
};

/* PROGRAM_OUTPUT: bytes that a program wrote to stdout and stderr, in order. */
struct kt_msg_program_output {
	uint32_t start;
	struct kt_bytes data; /* at most KT_PROGRAM_OUTPUT_MAX bytes over all starts of a name */
};

/* PROGRAM_END: a program and its children ended; all PROGRAM_OUTPUT was sent. */
struct kt_msg_program_end {
	uint32_t start;
	uint32_t status; /* wait status */
	uint32_t asked;	 /* 1: ktest ended it, on request or at its time-out */
	uint64_t time_ns;
	uint64_t dropped; /* bytes of output beyond KT_PROGRAM_OUTPUT_MAX */
};

/* EXEC_OUTPUT: bytes that a slot's command wrote. */
struct kt_msg_exec_output {
	uint32_t slot;
	uint32_t stream; /* 1 stdout, 2 stderr */
	struct kt_bytes data;
};

/* EXEC_END: a slot's command and its children ended; all EXEC_OUTPUT was sent. */
struct kt_msg_exec_end {
	uint32_t slot;
	uint32_t status;    /* wait status */
	uint32_t timed_out; /* 1: killed at timeout_ns */
	uint32_t error;	    /* errno of a failed start, with text; else 0 */
	uint64_t run_ns;    /* guest time from start to end */
	char text[KT_TEXT_MAX];
};

/* INPUT_TAKEN: acknowledges input of a slot's command. */
struct kt_msg_input_taken {
	uint32_t slot;
	uint32_t closed; /* 1: stdin has no reader; the guest drops further input */
	uint64_t bytes;	 /* sum since EXEC */
};

/* RESULT: the job ended. */
struct kt_msg_result {
	uint32_t steps_run;
	uint32_t ops_failed;
	uint32_t findings;
	uint32_t snapshots_due;	  /* periodic snapshots whose time came */
	uint32_t snapshots_taken; /* periodic snapshots sent */
	uint32_t stopped;	  /* 1: STOP ended the job */
	uint32_t undetached;	  /* 1: teardown could not end the live scheduler in its time */
	uint64_t hold_ns;	  /* sum of all holds */
	uint64_t time_ns;
};

/* FAILED: init could not prepare or run the job. */
struct kt_msg_failed {
	char doing[192];
	char cause[768];
};

/* FATAL: a fatal signal hit init; its signal handler writes this message. */
struct kt_msg_fatal {
	uint32_t signal;
	uint32_t code;	  /* si_code */
	uint64_t address; /* si_addr */
	uint64_t ip;
};

struct kt_msg {
	uint16_t type; /* enum kt_msg_type */
	union {
		struct kt_msg_job job;
		struct kt_msg_stop stop;
		struct kt_msg_thawed thawed;
		struct kt_msg_hello hello;
		struct kt_msg_topology topology;
		struct kt_msg_phase phase;
		struct kt_msg_heartbeat heartbeat;
		struct kt_msg_step step;
		struct kt_msg_op op;
		struct kt_msg_sched sched;
		struct kt_msg_log log;
		struct kt_msg_btf btf;
		struct kt_msg_snapshot snapshot;
		struct kt_msg_map map;
		struct kt_msg_snapshot_end snapshot_end;
		struct kt_msg_finding finding;
		struct kt_msg_result result;
		struct kt_msg_failed failed;
		struct kt_msg_fatal fatal;
		struct kt_msg_output output;
		struct kt_msg_freeze freeze;
		struct kt_msg_clone clone;
		struct kt_msg_stage stage;
		struct kt_msg_slots slots;
		struct kt_msg_attach attach;
		struct kt_msg_exec exec;
		struct kt_msg_input input;
		struct kt_msg_output_taken output_taken;
		struct kt_msg_signal signal;
		struct kt_msg_winsize winsize;
		struct kt_msg_staged staged;
		struct kt_msg_worker worker;
		struct kt_msg_program program;
		struct kt_msg_program_output program_output;
		struct kt_msg_program_end program_end;
		struct kt_msg_op_begin op_begin;
		struct kt_msg_wait wait;
		struct kt_msg_waits waits;
		struct kt_msg_bandwidth bandwidth;
		struct kt_msg_exec_output exec_output;
		struct kt_msg_exec_end exec_end;
		struct kt_msg_input_taken input_taken;
	};
};

enum kt_msg_condition {
	KT_MSG_E_TYPE = KT_CONDITION(MSG), /* no such message type */
	KT_MSG_E_FORM,			   /* truncated, too long, or a field out of bounds */
};

/* "hello", "map", ...; NULL for an unknown type; static. */
const char *kt_msg_name(unsigned int type);

/* Appends the payload of msg to out. */
int kt_msg_encode(struct kt_buf *out, const struct kt_msg *msg) _kt_must_check_;

/* Decodes len bytes at payload; struct kt_bytes fields borrow from it. A kt_msg_condition. */
int kt_msg_decode(struct kt_msg *ret_msg, uint16_t type, const void *payload,
		  size_t len) _kt_must_check_;

/* Appends msg to out as one frame with number *seq and increments *seq. */
int kt_msg_frame(struct kt_buf *out, uint32_t *seq, const struct kt_msg *msg) _kt_must_check_;
