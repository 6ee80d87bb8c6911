#include <weir/core/unique_fd.hpp>
#include <weir/offload/detail/crash_report.hpp>

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace weir::detail {

namespace {

/// A file of ours, mapped; structures are read out of it only where they lie inside.
class mapped_file {
 public:
  explicit mapped_file(const char* path) {
    const unique_fd fd(::open(path, O_RDONLY | O_CLOEXEC));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0 || info.st_size <= 0) return;
    void* at = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (at == MAP_FAILED) return;
    bytes_ = {static_cast<const char*>(at), static_cast<std::size_t>(info.st_size)};
  }
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;
  ~mapped_file() {
    if (bytes_.data()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  }

  template <class T>
  std::optional<T> read(std::uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  std::string_view text(std::uint64_t offset) const {
    if (offset >= bytes_.size()) return {};
    const std::string_view rest = bytes_.substr(offset, 4096);
    return rest.substr(0, rest.find('\0'));
  }

 private:
  std::string_view bytes_;
};

struct symbol {
  std::string name;
  std::uint64_t start;
};

std::optional<symbol> in_table(const mapped_file& file, const ElfW(Shdr) & table, const ElfW(Shdr) & names,
                               std::uint64_t offset) {
  for (std::uint64_t at = 0; at + sizeof(ElfW(Sym)) <= table.sh_size; at += sizeof(ElfW(Sym))) {
    const auto entry = file.read<ElfW(Sym)>(table.sh_offset + at);
    if (!entry) return std::nullopt;
    if ((entry->st_info & 0xf) != STT_FUNC || entry->st_shndx == SHN_UNDEF) continue;
    if (offset < entry->st_value || offset - entry->st_value >= std::max<std::uint64_t>(entry->st_size, 1)) continue;
    return symbol{std::string(file.text(names.sh_offset + entry->st_name)), entry->st_value};
  }
  return std::nullopt;
}

// The full table names every function; the dynamic one, which a stripped file has left, only those it exports.
std::optional<symbol> find_symbol(const char* path, std::uint64_t offset) {
  const mapped_file file(path);
  const auto header = file.read<ElfW(Ehdr)>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return std::nullopt;
  for (const std::uint32_t wanted : {SHT_SYMTAB, SHT_DYNSYM}) {
    for (unsigned i = 0; i < header->e_shnum; ++i) {
      const auto table = file.read<ElfW(Shdr)>(header->e_shoff + std::uint64_t{i} * header->e_shentsize);
      if (!table || table->sh_type != wanted || table->sh_link >= header->e_shnum) continue;
      const auto names = file.read<ElfW(Shdr)>(header->e_shoff + std::uint64_t{table->sh_link} * header->e_shentsize);
      if (!names) continue;
      if (auto found = in_table(file, *table, *names, offset)) return found;
    }
  }
  return std::nullopt;
}

std::string readable(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
  std::string name = status == 0 && plain ? plain.get() : mangled;
  constexpr std::size_t max_name = 240; // templates have names of kilobytes
  if (name.size() > max_name) name = name.substr(0, max_name) + "...";
  return name;
}

struct search {
  std::uint64_t hash;
  std::string path;
  bool found;
};

int compare_module(dl_phdr_info* info, std::size_t, void* data) {
  auto& wanted = *static_cast<search*>(data);
  if (module_hash(info->dlpi_name) != wanted.hash) return 0;
  wanted.path = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
  wanted.found = true;
  return 1;
}

std::string base_name(const std::string& path) {
  if (path == "/proc/self/exe") return program_invocation_short_name;
  return path.substr(path.rfind('/') + 1); // npos + 1 == 0
}

} // namespace

std::string resolve_frame(const crash_frame& frame, bool exact) {
  search wanted{frame.module, {}, false};
  ::dl_iterate_phdr(compare_module, &wanted);
  if (!wanted.found) return {};
  // A call at the very end of a function that never returns has its return address in the next one.
  const std::uint64_t place = exact || frame.offset == 0 ? frame.offset : frame.offset - 1;
  const auto found = find_symbol(wanted.path.c_str(), place);
  const std::string file = base_name(wanted.path);
  if (!found || found->name.empty()) return fmt::format("{:#x} ({})", frame.offset, file);
  return fmt::format("{}+{:#x} ({})", readable(found->name), frame.offset - found->start, file);
}

} // namespace weir::detail
