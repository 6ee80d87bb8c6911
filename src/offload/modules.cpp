#include "modules.hpp"

#include <weir/core/unique_fd.hpp>

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <mutex>

namespace weir::detail {

namespace {

constexpr std::size_t page_bytes = 4096;

// FNV-1a, 64 bits: told apart are builds, not attackers.
std::uint64_t hash(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  for (const std::byte byte : bytes) seed = (seed ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  return seed;
}

module_id hashed(std::span<const std::byte> first, std::span<const std::byte> second) noexcept {
  module_id id{};
  const std::uint64_t one = hash(second, hash(first, 0xcbf29ce484222325));
  const std::uint64_t two = hash(second, hash(first, ~one));
  std::memcpy(id.data(), &one, sizeof one);
  std::memcpy(id.data() + sizeof one, &two, sizeof two);
  return id;
}

/// The build-id among the notes at `notes`, if there is one.
std::optional<module_id> build_id_in(std::span<const std::byte> notes) noexcept {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, notes.data(), sizeof head);
    notes = notes.subspan(sizeof head);
    const std::size_t name = (std::size_t{head.n_namesz} + 3) & ~std::size_t{3};
    const std::size_t size = (std::size_t{head.n_descsz} + 3) & ~std::size_t{3};
    if (name > notes.size() || size > notes.size() - name) return std::nullopt;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && std::memcmp(notes.data(), "GNU", 4) == 0) {
      const auto found = notes.subspan(name, head.n_descsz);
      if (found.size() > std::tuple_size_v<module_id>) return hashed(found, {});
      module_id id{};
      std::memcpy(id.data(), found.data(), found.size());
      return id;
    }
    notes = notes.subspan(name + size);
  }
  return std::nullopt;
}

module_id identity_of(const dl_phdr_info& info) {
  std::span<const std::byte> first_page;
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info.dlpi_phdr[i];
    const auto* at = reinterpret_cast<const std::byte*>(info.dlpi_addr + part.p_vaddr);
    if (part.p_type == PT_NOTE)
      if (const auto id = build_id_in({at, part.p_memsz})) return *id;
    if (part.p_type == PT_LOAD && part.p_offset == 0 && (part.p_flags & PF_R) != 0)
      first_page = {at, std::min<std::size_t>(part.p_filesz, page_bytes)};
  }
  return hashed({reinterpret_cast<const std::byte*>(info.dlpi_phdr), info.dlpi_phnum * sizeof(ElfW(Phdr))}, first_page);
}

struct counters {
  unsigned long long opened = 0;
  unsigned long long closed = 0;
  bool operator==(const counters&) const = default;
};

counters count_loaded() {
  counters found;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        *static_cast<counters*>(into) = {info->dlpi_adds, info->dlpi_subs};
        return 1;
      },
      &found);
  return found;
}

struct table {
  counters when;
  std::shared_ptr<std::vector<loaded_module>> modules = std::make_shared<std::vector<loaded_module>>();
};

int add_module(dl_phdr_info* info, std::size_t, void* into) noexcept {
  auto& all = *static_cast<table*>(into);
  all.when = {info->dlpi_adds, info->dlpi_subs};
  loaded_module module;
  module.base = info->dlpi_addr;
  if (!all.modules->empty() && info->dlpi_name != nullptr) module.path = info->dlpi_name;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const std::uintptr_t first = info->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && (part.p_flags & PF_X) != 0) module.code.emplace_back(first, first + part.p_memsz);
  }
  module.id = identity_of(*info);
  all.modules->push_back(std::move(module));
  return 0;
}

table read_loaded() {
  table all;
  dl_iterate_phdr(add_module, &all);
  for (loaded_module& module : *all.modules) {
    if (module.path.empty() || module.path.front() == '/') continue;
    std::error_code none;
    const auto whole = std::filesystem::absolute(module.path, none);
    if (!none) module.path = whole.native();
  }
  return all;
}

bool read_at(int fd, void* into, std::size_t size, std::uint64_t from) {
  return ::pread(fd, into, size, static_cast<off_t>(from)) == static_cast<ssize_t>(size);
}

} // namespace

std::shared_ptr<const std::vector<loaded_module>> loaded_modules() {
  // Never destroyed: functions are named until the very end.
  static auto* mutex = new std::mutex;
  static auto* known = new table;
  const std::lock_guard guard(*mutex);
  if (known->modules->empty() || known->when != count_loaded()) *known = read_loaded();
  return known->modules;
}

std::optional<module_id> identity_of_file(const std::string& path) {
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  ElfW(Ehdr) head;
  if (!read_at(file.get(), &head, sizeof head, 0) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_phentsize != sizeof(ElfW(Phdr)))
    return std::nullopt;
  std::vector<ElfW(Phdr)> parts(head.e_phnum);
  if (!read_at(file.get(), parts.data(), parts.size() * sizeof(ElfW(Phdr)), head.e_phoff)) return std::nullopt;
  std::vector<std::byte> first_page;
  for (const ElfW(Phdr) & part : parts) {
    if (part.p_type == PT_NOTE && part.p_filesz <= file_bytes) {
      std::vector<std::byte> notes(part.p_filesz);
      if (!read_at(file.get(), notes.data(), notes.size(), part.p_offset)) return std::nullopt;
      if (const auto id = build_id_in(notes)) return id;
    }
    if (part.p_type == PT_LOAD && part.p_offset == 0 && (part.p_flags & PF_R) != 0) {
      first_page.resize(std::min<std::size_t>(part.p_filesz, page_bytes));
      if (!read_at(file.get(), first_page.data(), first_page.size(), 0)) return std::nullopt;
    }
  }
  return hashed(std::as_bytes(std::span(parts)), first_page);
}

} // namespace weir::detail
