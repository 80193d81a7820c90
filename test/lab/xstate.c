// Preloaded into linux.uml on processors with AMX (run does that by itself). The 6.1 kernel keeps a
// guest's vector state in 2,696 bytes; where AMX is there, the host's state is 11,008 bytes and the host
// refuses a shorter one (EFAULT: "ptrace set fp regs failed, errno = 14", and the guest's init dies).
// So: a state that is being set is padded to the host's size, with the AMX parts marked as not in use.
#define _GNU_SOURCE
#include <cpuid.h>
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static long (*next)(int, ...);
static unsigned size;                                // what the host wants
static char state[65536] __attribute__((aligned(64))); // not on the stack: a guest kernel's stack is small

__attribute__((constructor)) static void init(void) {
  unsigned a, c, d;
  next = (long (*)(int, ...))dlsym(RTLD_NEXT, "ptrace");
  __cpuid_count(0xd, 0, a, size, c, d);
}

long ptrace(enum __ptrace_request request, ...) {
  va_list ap;
  va_start(ap, request);
  long pid = va_arg(ap, long);
  void *addr = va_arg(ap, void *);
  void *data = va_arg(ap, void *);
  va_end(ap);
  if (request == PTRACE_SETREGSET && (long)addr == NT_X86_XSTATE) {
    struct iovec *v = data;
    if (v->iov_len < size && size <= sizeof state && v->iov_len >= 576) {
      memcpy(state, v->iov_base, v->iov_len);
      *(uint64_t *)(state + 512) &= ~(3ULL << 17);
      struct iovec w = {state, size};
      return next(request, pid, addr, &w);
    }
  }
  return next(request, pid, addr, data);
}
