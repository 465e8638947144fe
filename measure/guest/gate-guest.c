/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The micro guest of `ktest gate --guest micro`: a small guest that detects differences between
 * saved and restored machine which would harm Linux. Each vCPU has a counter, a periodic timer,
 * a pattern in vector registers and MSRs, and a page of notes. A token circulates among the
 * vCPUs: it is passed on in memory, and the next vCPU takes the token only after the IPI for
 * it has arrived. A lost IPI therefore stops the token, and a duplicate IPI is counted. At each
 * hop, the TSC must not be behind the TSC of the vCPU before.
 *
 * The host requests a round by a number in the mailbox; each vCPU checks its state and answers
 * with the number. Idle vCPUs halt between interrupts, and the token rests between rounds; busy
 * vCPUs never halt, and the token never rests.
 *
 * Some hosts emulate kernel mode, at a million instructions per second and without some
 * instructions: the code is small and simple, not fast.
 */
#include <stdbool.h>

#include "measure/guest/gate-guest.h"

/* Hidden visibility: the code refers to these symbols by relative addresses and may run anywhere. */
#pragma GCC visibility push(hidden)
extern const uint8_t gate_text_start[], gate_text_end[];
extern const uint8_t gate_trampoline_start[], gate_trampoline_end[], gate_cr3[];
extern const uint8_t gate_timer[], gate_ipi[], gate_spurious[], gate_exceptions[], gate_stop[];
#pragma GCC visibility pop

void gate_main(void *unused, const uint8_t *zero_page);
void gate_vcpu_main(uint64_t id);
void gate_exception(uint64_t vector, uint64_t rip);

#define CMD_LINE_PTR 0x228 /* of struct boot_params (boot.rst) */
#define COM1	     0x3f8
#define CODE	     0x10 /* selector */

/* x2APIC registers as MSRs: Intel SDM vol. 3, table 10-6. */
#define MSR_APIC_BASE	  0x1b
#define MSR_SPURIOUS	  0x80f
#define MSR_ICR		  0x830
#define MSR_LVT_TIMER	  0x832
#define MSR_TIMER_INITIAL 0x838
#define MSR_TIMER_DIVIDE  0x83e
#define MSR_GS_BASE	  0xc0000101

#define PATTERN_SAMPLE 8 /* a round checks one page in PATTERN_SAMPLE */
#define LAPS	       2 /* laps of the token per round, if vCPUs are idle */

static volatile struct gate_mailbox *const mailbox = (void *)GATE_MAILBOX;

/* ---- the processor ---- */

static void write_msr(uint32_t msr, uint64_t value)
{
	asm volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
		     : "memory");
}

static uint64_t read_msr(uint32_t msr)
{
	uint32_t low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

/* CPUID waits for all earlier instructions; some emulating hosts do not have LFENCE. */
static uint64_t read_tsc(void)
{
	uint32_t low, high, a = 0, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d)::"memory");
	asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

static void enable_interrupts(void)
{
	asm volatile("sti" ::: "memory");
}

/*
 * STI enables interrupts only after the next instruction, HLT. An interrupt that arrives after the
 * vCPU has checked for work therefore ends the halt.
 */
static void wait_for_interrupt(void)
{
	asm volatile("sti\n\thlt" ::: "memory");
}

static void disable_interrupts(void)
{
	asm volatile("cli" ::: "memory");
}

static void send_ipi(uint64_t to, uint32_t command)
{
	write_msr(MSR_ICR, to << 32 | command);
}

/* ---- the serial port ---- */

static void put_text(const char *text)
{
	for (; *text; text++)
		asm volatile("outb %0, %1" ::"a"(*text), "d"((uint16_t)COM1));
}

static void put_number(uint64_t n)
{
	char text[20], *p = text + sizeof(text) - 1;

	*p = '\0';
	do
		*--p = "0123456789abcdef"[n % 16];
	while (n /= 16);
	put_text("0x");
	put_text(p);
}

static void lock_serial(void)
{
	while (__atomic_exchange_n(&mailbox->lock, 1, __ATOMIC_ACQUIRE))
		;
}

static void unlock_serial(void)
{
	__atomic_store_n(&mailbox->lock, 0, __ATOMIC_RELEASE);
}

/* Reports each kind of fault (GATE_FAULT_*) once per vCPU. */
static void complain(volatile struct gate_vcpu *v, unsigned int fault, const char *what,
		     uint64_t detail)
{
	if (v->faults & 1u << fault)
		return;
	lock_serial();
	put_text("gate guest: vCPU ");
	put_number(v->id);
	put_text(": ");
	put_text(what);
	put_text(" ");
	put_number(detail);
	put_text("\n");
	unlock_serial();
	/* Set last: a host that sees the bit finds the message on the console. */
	v->details[fault] = detail;
	v->faults |= 1u << fault;
}

static volatile struct gate_vcpu *self(void)
{
	struct gate_vcpu *v;

	asm volatile("movq %%gs:%c1, %0" : "=r"(v) : "i"(GATE_SELF));
	return v;
}

void gate_exception(uint64_t vector, uint64_t rip)
{
	complain(self(), GATE_FAULT_EXCEPTION, "exception", vector << 48 | rip);
}

/* ---- registers ---- */

#define EACH_REGISTER(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define REGISTERS 16

static uint64_t register_word(uint64_t id, unsigned int i)
{
	return gate_word(mailbox->seed, id << 20 | i << 12);
}

static void load_registers(uint64_t id)
{
	uint64_t words[REGISTERS][2];

	for (unsigned int i = 0; i < REGISTERS; i++) {
		words[i][0] = register_word(id, i);
		words[i][1] = ~words[i][0];
	}
#define LOAD(i) asm volatile("movups %0, %%xmm" #i ::"m"(words[i]));
	EACH_REGISTER(LOAD)
}

static uint64_t msr_value(uint64_t id, uint32_t msr)
{
	return gate_word(mailbox->seed, (id << 32 | msr) << 12) >> 20; /* canonical */
}

static void load_msrs(uint64_t id)
{
	write_msr(GATE_MSR_LSTAR, msr_value(id, GATE_MSR_LSTAR));
	write_msr(GATE_MSR_KERNEL_GS_BASE, msr_value(id, GATE_MSR_KERNEL_GS_BASE));
}

static void check_msr(volatile struct gate_vcpu *v, uint32_t msr)
{
	if (read_msr(msr) != msr_value(v->id, msr))
		complain(v, GATE_FAULT_MSR, "an MSR has changed:", msr);
}

static void check_registers(volatile struct gate_vcpu *v)
{
	uint64_t words[REGISTERS][2];

#define STORE(i) asm volatile("movups %%xmm" #i ", %0" : "=m"(words[i]));
	EACH_REGISTER(STORE)
	for (unsigned int i = 0; i < REGISTERS; i++)
		if (words[i][0] != register_word(v->id, i) || words[i][1] != ~words[i][0])
			complain(v, GATE_FAULT_FPU, "a vector register has changed:", i);
	check_msr(v, GATE_MSR_LSTAR);
	check_msr(v, GATE_MSR_KERNEL_GS_BASE);
}

/* ---- memory ---- */

static void fill_page(uint64_t address)
{
	uint64_t count = GATE_PAGE / 8, word = gate_word(mailbox->seed, address);
	void *to = (void *)address;

	asm volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(word) : "memory");
}

/* Fills the vCPU's share of the pattern, and the vCPU's page of notes. */
static void fill_memory(uint64_t id)
{
	for (uint64_t page = id; page < GATE_PATTERN_PAGES; page += mailbox->vcpus)
		fill_page(GATE_PATTERN + page * GATE_PAGE);
	fill_page(GATE_NOTES + id * GATE_PAGE);
}

static uint64_t read_word(uint64_t address)
{
	return *(volatile uint64_t *)address;
}

static void check_pattern(volatile struct gate_vcpu *v, uint64_t round)
{
	uint64_t step = mailbox->vcpus * PATTERN_SAMPLE;
	uint64_t first = v->id + round % PATTERN_SAMPLE * mailbox->vcpus;

	for (uint64_t page = first; page < GATE_PATTERN_PAGES; page += step) {
		uint64_t address = GATE_PATTERN + page * GATE_PAGE;

		if (read_word(address + round % 512 * 8) != gate_word(mailbox->seed, address))
			complain(v, GATE_FAULT_PATTERN, "the pattern is not there at", address);
	}
}

/* Notes must be as saved. The word that is written now must be absent in the next clone. */
static void check_notes(volatile struct gate_vcpu *v, uint64_t round)
{
	uint64_t page = GATE_NOTES + v->id * GATE_PAGE, address = page + round % 512 * 8;

	if (read_word(address) != gate_word(mailbox->seed, page))
		complain(v, GATE_FAULT_NOTES, "somebody else's notes at", address);
	*(volatile uint64_t *)address = round;
}

/* ---- the token ---- */

static void send_token(uint64_t to)
{
	mailbox->vcpu[to].sent++;
	__atomic_store_n(&mailbox->token.holder, to, __ATOMIC_RELEASE);
	send_ipi(to, GATE_VECTOR_IPI);
}

static bool has_token(volatile struct gate_vcpu *v)
{
	return mailbox->token.holder == v->id && v->ipis >= v->sent &&
	       (v->id || mailbox->busy || mailbox->token.laps);
}

/* Reads `ipis` before `sent`: `sent` only grows, so that the order cannot make up a surplus. */
static void check_interrupts(volatile struct gate_vcpu *v)
{
	uint64_t ipis = v->ipis, sent = v->sent;

	if (ipis > sent)
		complain(v, GATE_FAULT_IPI, "interrupts that nobody sent:", ipis - sent);
}

static void pass_token(volatile struct gate_vcpu *v)
{
	uint64_t next = v->id + 1 < mailbox->vcpus ? v->id + 1 : 0, tsc = read_tsc();

	if (tsc < mailbox->token.tsc)
		complain(v, GATE_FAULT_TSC, "the TSC went back by", mailbox->token.tsc - tsc);
	mailbox->token.tsc = tsc;
	mailbox->token.hops++;
	v->hops++;
	if (!v->id && mailbox->token.laps)
		mailbox->token.laps--;
	send_token(next);
}

/* ---- rounds ---- */

static void begin_round(volatile struct gate_vcpu *v, uint64_t round)
{
	v->ticks_then = v->ticks;
	v->ipis_then = v->ipis;
	v->hops_then = v->hops;
	v->seen = round;
	check_registers(v);
	check_pattern(v, round);
	check_notes(v, round);
	if (!v->id)
		mailbox->token.laps = LAPS;
}

static void end_round(volatile struct gate_vcpu *v)
{
	check_registers(v);
	v->answered = v->seen;
}

static bool is_done(volatile struct gate_vcpu *v)
{
	return v->answered != v->seen && v->ticks >= v->ticks_then + GATE_ROUND_TICKS &&
	       v->ipis > v->ipis_then && v->hops > v->hops_then;
}

static bool work(volatile struct gate_vcpu *v)
{
	uint64_t round = mailbox->round;

	v->count++;
	check_interrupts(v);
	if (round != v->seen)
		begin_round(v, round);
	if (has_token(v)) {
		pass_token(v);
		return true;
	}
	if (is_done(v))
		end_round(v);
	return false;
}

/* ---- start ---- */

static void set_gate(unsigned int vector, const uint8_t *handler)
{
	uint64_t *gate = (uint64_t *)(GATE_IDT + vector * 16ul), at = (uint64_t)handler;

	gate[0] = (at & 0xffff) | CODE << 16 | UINT64_C(0x8e00) << 32 | (at >> 16 & 0xffff) << 48;
	gate[1] = at >> 32;
}

static void make_idt(void)
{
	for (unsigned int i = 0; i < 32; i++)
		set_gate(i, gate_exceptions + i * 16);
	for (unsigned int i = 32; i < 256; i++)
		set_gate(i, gate_spurious);
	set_gate(GATE_VECTOR_TIMER, gate_timer);
	set_gate(GATE_VECTOR_IPI, gate_ipi);
}

static void load_idt(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idt = { 4095, GATE_IDT };

	asm volatile("lidt %0" ::"m"(idt));
}

static void enable_sse(void)
{
	uint64_t cr4;

	asm volatile("movq %%cr4, %0" : "=r"(cr4));
	asm volatile("movq %0, %%cr4" ::"r"(cr4 | 0x600)); /* OSFXSR, OSXMMEXCPT */
}

static void start_timer(void)
{
	write_msr(MSR_TIMER_DIVIDE, 0xb);		       /* by 1 */
	write_msr(MSR_LVT_TIMER, 0x20000 | GATE_VECTOR_TIMER); /* periodic */
	write_msr(MSR_TIMER_INITIAL, GATE_TIMER_COUNT);
}

static void enable_apic(void)
{
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | 0xc00); /* enabled, x2APIC */
	write_msr(MSR_SPURIOUS, 0x1ff);
}

void gate_vcpu_main(uint64_t id)
{
	volatile struct gate_vcpu *v = &mailbox->vcpu[id];

	v->self = (uint64_t)v;
	v->id = id;
	write_msr(MSR_GS_BASE, (uint64_t)v);
	load_idt();
	enable_apic();
	enable_sse();
	fill_memory(id);
	load_registers(id);
	load_msrs(id);
	start_timer();
	v->ready = 1;
	if (!id)
		send_token(0);
	for (;;) {
		/*
		 * A busy vCPU keeps interrupts enabled: if it enabled them for a few instructions
		 * only, an emulating host might never deliver one.
		 */
		if (mailbox->busy)
			enable_interrupts();
		else
			disable_interrupts();
		if (!work(v) && !mailbox->busy)
			wait_for_interrupt();
	}
}

static void wake_others(void)
{
	uint8_t *to = (uint8_t *)GATE_TRAMPOLINE;
	uint64_t cr3;

	asm volatile("movq %%cr3, %0" : "=r"(cr3));
	for (const uint8_t *p = gate_trampoline_start; p < gate_trampoline_end; p++)
		*to++ = *p;
	*(volatile uint32_t *)(GATE_TRAMPOLINE + (gate_cr3 - gate_trampoline_start)) =
		(uint32_t)cr3;
	for (uint64_t id = 1; id < mailbox->vcpus; id++) {
		send_ipi(id, 0x4500); /* INIT */
		send_ipi(id, 0x4600 | GATE_SIPI_VECTOR);
	}
}

static uint64_t take_number(const char **p)
{
	uint64_t n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		n = n * 10 + (uint64_t)(**p - '0');
	(*p)++;
	return n;
}

void gate_main(void *unused, const uint8_t *zero_page)
{
	const char *p = (const char *)(uint64_t) * (const uint32_t *)(zero_page + CMD_LINE_PTR);

	while (*p++ != '@')
		;
	mailbox->vcpus = take_number(&p);
	mailbox->busy = take_number(&p);
	mailbox->seed = take_number(&p);
	mailbox->text_start = (uint64_t)gate_text_start;
	mailbox->text_end = (uint64_t)gate_text_end;
	mailbox->stop = (uint64_t)gate_stop;
	mailbox->token.laps = LAPS;
	make_idt();
	enable_apic();
	wake_others();
	gate_vcpu_main(0);
}
