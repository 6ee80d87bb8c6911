#include "offload/sandbox/filter.hpp"

#include "offload/sandbox/kernel.hpp"

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <tuple>

namespace weir::detail {

namespace {

// Stands for the number of the process, which is known only in the worker: signals may go to itself alone (abort,
// raise). Above the kernel's largest process number (2^22) and no combination of flags below.
constexpr std::uint32_t self_placeholder = 0x6EE1'D1D1;

// Work on memory, time, and descriptors that are open already. Nothing here makes a new descriptor, names a file or
// another process, or gives memory that may be executed. recvmsg can bring descriptors in: only those the parent sends.
// clang-format off
constexpr const char* allowed[] = {
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek", "close", "fstat",
    "recvmsg", "recvfrom", "sendmsg", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_pwait2", "futex",
    "futex_waitv", "set_robust_list", "rseq", "membarrier", "sched_yield", "sched_getaffinity", "getcpu", "munmap",
    "mremap", "madvise", "brk", "exit", "exit_group", "restart_syscall", "pause", "clock_gettime", "clock_getres",
    "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "getrusage", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait", "sigaltstack", "getrandom", "getpid",
    "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrlimit"};
// clang-format on

// No decoder comes near these, not even to ask: who calls them is an exploit at work. The process ends at once (SIGSYS)
// instead of being given a second try: new programs, other processes' memory, the kernel's own doors (modules, bpf,
// mounts, keys), namespaces, and calls known for their holes (userfaultfd, perf).
// clang-format off
constexpr const char* deadly[] = {
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd",
    "kcmp", "bpf", "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "setns", "unshare", "open_by_handle_at", "name_to_handle_at", "add_key",
    "request_key", "keyctl", "iopl", "ioperm", "modify_ldt", "reboot", "swapon", "swapoff", "acct", "quotactl",
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "syslog",
    "seccomp"};
// clang-format on

// Everything else (open, socket, fork, ioctl, ...) fails with EPERM: libraries try such things in passing - a locale, a
// configuration file, a terminal's size - and must get on without. These would not take EPERM for an answer: the C
// library falls back to the older call only where the newer one "does not exist".
constexpr const char* unknown[] = {"clone3", "openat2", "faccessat2", "statx", "io_uring_setup"};

// AddressSanitizer and UBSan check a pointer by writing what it points to into a new pipe.
constexpr const char* for_sanitizers[] = {"pipe", "pipe2"};

constexpr const char* for_reading_files[] = {"newfstatat", "getdents64", "access",    "faccessat",
                                             "readlink",   "readlinkat", "fadvise64", "getcwd"};

class rules {
 public:
  rules() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
    check(context_ ? 0 : -ENOMEM);
    // The other calling conventions (32-bit, x32) number their calls differently: no way around by using them.
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2)); // a search tree instead of a chain
  }

  // A call that this architecture or this library does not know stays with EPERM.
  void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0) return;
    check(seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(conditions.size()),
                                 conditions.begin()));
  }
  void allow(const char* name, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    add(SCMP_ACT_ALLOW, name, conditions);
  }

  std::vector<std::uint64_t> exported() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw errno_error(errno, "a pipe for the sandbox's filter");
    const unique_fd in(ends[0]), out(ends[1]);
    check(seccomp_export_bpf(context_.get(), out.get())); // at most 4096 instructions of 8 bytes; a pipe holds 64 KiB
    std::vector<std::uint64_t> code(8192);
    const ssize_t got = ::read(in.get(), code.data(), code.size() * 8);
    if (got <= 0 || got % 8 != 0) throw error(errc::internal, "the sandbox's filter was not exported whole");
    code.resize(static_cast<std::size_t>(got) / 8);
    return code;
  }

 private:
  static void check(int outcome) {
    if (outcome < 0) throw errno_error(-outcome, "a rule of the sandbox's filter");
  }
  struct release {
    void operator()(void* context) const noexcept { seccomp_release(context); }
  };
  std::unique_ptr<void, release> context_;
};

scmp_arg_cmp without(unsigned argument, std::uint64_t bits) { return {argument, SCMP_CMP_MASKED_EQ, bits, 0}; }
scmp_arg_cmp equals(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }

void add_memory(rules& r) {
  // RLIMIT_DATA does not count shared anonymous memory, huge pages and mappings that grow by themselves: those flags
  // would be a way around the memory limit. Shared mappings of a given descriptor are the pool's rings and buffers.
  constexpr std::uint64_t harmless =
      MAP_PRIVATE | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_NORESERVE | MAP_STACK | MAP_POPULATE | MAP_NONBLOCK;
  r.allow("mmap", {without(2, PROT_EXEC), without(3, ~(harmless | MAP_ANONYMOUS))});
  r.allow("mmap", {without(2, PROT_EXEC), without(3, ~(harmless | MAP_SHARED))});
  r.allow("mprotect", {without(2, PROT_EXEC)});
}

void add_processes(rules& r, bool threads) {
  r.allow("tgkill", {equals(0, self_placeholder)});
  r.allow("kill", {equals(0, self_placeholder)});
  r.allow("prctl", {equals(0, PR_SET_NAME)});
  r.allow("prlimit64", {equals(0, 0), equals(2, 0)}); // asking for its own limits, not setting them
  r.allow("sendto", {equals(4, 0)});                  // send(): to whom it is connected, no address
  r.allow("fcntl", {equals(1, F_GETFL)});
  r.allow("fcntl", {equals(1, F_GETFD)});
  if (!threads) return;
  constexpr std::uint64_t a_thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  constexpr std::uint64_t also =
      CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_DETACHED;
  r.allow("clone", {{0, SCMP_CMP_MASKED_EQ, ~also, a_thread}});
  // What a new thread asks about itself, and where it runs.
  for (const char* name : {"sched_getparam", "sched_getscheduler"}) r.allow(name);
}

void add_files(rules& r, bool reading, bool empty_root) {
  if (reading) {
    // Which files is Landlock's part: a filter cannot look at a path. This part is that nothing is opened for writing.
    constexpr std::uint64_t writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
    r.allow("openat", {without(2, writing)});
    for (const char* name : for_reading_files) r.allow(name);
  } else if (empty_root) {
    // fstat() of the C library is newfstatat(fd, "", ..., AT_EMPTY_PATH). The filter cannot see that the name is empty,
    // so it is allowed only where there is nothing to be named.
    r.allow("newfstatat", {equals(3, AT_EMPTY_PATH)});
  }
}

} // namespace

sandbox_filter make_filter(const sandbox_options& options, const sandbox_support& support) {
  rules r;
  for (const char* name : allowed) r.allow(name);
  for (const char* name : deadly) r.add(SCMP_ACT_KILL_PROCESS, name);
  for (const char* name : unknown) r.add(SCMP_ACT_ERRNO(ENOSYS), name);
  if (under_sanitizer)
    for (const char* name : for_sanitizers) r.allow(name);
  add_memory(r);
  add_processes(r, options.allow_threads);
  add_files(r, !options.read_only_paths.empty(), support.empty_root);
  return sandbox_filter(r.exported());
}

int install_filter(const sandbox_filter& filter) noexcept {
  if (filter.size() == 0 || filter.size() > BPF_MAXINSNS) return EINVAL;
  sock_filter code[BPF_MAXINSNS];
  static_assert(sizeof(sock_filter) == 8);
  std::memcpy(code, filter.code().data(), filter.size() * sizeof(sock_filter));
  const auto self = static_cast<std::uint32_t>(::getpid());
  for (std::size_t i = 0; i < filter.size(); ++i)
    if (code[i].code == (BPF_JMP | BPF_JEQ | BPF_K) && code[i].k == self_placeholder) code[i].k = self;
  const sock_fprog program{static_cast<unsigned short>(filter.size()), code};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 ? 0 : errno;
}

} // namespace weir::detail
